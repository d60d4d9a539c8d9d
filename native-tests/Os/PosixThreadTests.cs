using System.Runtime.InteropServices;
using SpanHeap.Os;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Os;

/// <summary>What the C library tells of threads.</summary>
public sealed unsafe class PosixThreadTests
{
    private const nuint MiB = 1 << 20;

    [LinuxFact]
    public void A_threads_locals_lie_in_its_stack_and_not_in_anothers()
    {
        (nuint Low, nuint Bytes)[] stacks = new (nuint, nuint)[4];
        using Barrier together = new(stacks.Length);
        StressThreads.Run(stacks.Length, number =>
        {
            byte local;
            Assert.True(PosixThread.TryGetStack(out nuint low, out nuint byteCount), "no stack");
            Assert.InRange((nuint)(&local), low, low + byteCount - 1);
            Assert.InRange(byteCount, 64 * 1024u, 8 * MiB);
            stacks[number] = (low, byteCount);
            together.SignalAndWait();
        });

        Array.Sort(stacks);
        for (int i = 1; i < stacks.Length; i++)
        {
            Assert.True(stacks[i - 1].Low + stacks[i - 1].Bytes <= stacks[i].Low, "two stacks overlap");
        }
    }

    [LinuxFact]
    public void A_word_watched_is_zero_once_its_thread_has_ended_and_not_before()
    {
        nuint* word = (nuint*)NativeMemory.AllocZeroed(PosixThread.WatchedBytes);
        *word = 42;
        nuint before = 0;
        StressThreads.RunOne(() =>
        {
            Assert.True(PosixThread.TryWatchExit(word), "not watched");
            before = *word;
        });

        Assert.Equal(42u, before);
        StressWait.Until(() => Volatile.Read(ref *word) == 0, static () => "the end was not noted");
        NativeMemory.Free(word);
    }
}
