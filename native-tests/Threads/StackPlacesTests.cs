using System.Runtime.CompilerServices;
using SpanHeap.Tests.Support;
using SpanHeap.Threads;

namespace SpanHeap.Tests.Threads;

/// <summary>A thread finds its record from every frame between its first use of a heap and the beginning of its stack.</summary>
[Collection(WholeProcess.Name)]
public sealed unsafe class StackPlacesTests
{
    private const int MiB = 1 << 20;

    [LinuxFact]
    public void Frames_above_the_first_use_find_the_record_without_the_slow_path()
    {
        int frames = 0;
        int found = 0;
        int taken = 0;
        Thread thread = new(() => Descend(40, ref frames, ref found, ref taken), 8 * MiB);
        thread.Start();
        thread.Join();

        Assert.Equal(41, frames);
        Assert.Equal(frames, found + taken);
        Assert.InRange(found, 1, frames);
    }

    [LinuxFact]
    public void A_thread_whose_end_was_noted_takes_the_record_of_its_stack_again()
    {
        bool same = false;
        StressThreads.RunOne(() =>
        {
            SpanMemory.Free(SpanMemory.Alloc(16));
            ThreadRecord* record = ThreadRecord.Current;

            // What the C library does, after which a destructor of some library may still allocate.
            Volatile.Write(ref record->StackBytes, 0);
            SpanMemory.Free(SpanMemory.Alloc(16));
            same = ThreadRecord.Current == record && record->StackBytes > 1;
        });

        Assert.True(same, "A record that nothing ends would never serve another thread.");
    }

    // The heap is used in the deepest frame first; then each frame looks in the place of its own address.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Descend(int steps, ref int frames, ref int found, ref int taken)
    {
        byte* frame = stackalloc byte[MiB / 8];
        frame[0] = 1;
        if (steps > 0)
        {
            Descend(steps - 1, ref frames, ref found, ref taken);
        }
        else
        {
            SpanMemory.Free(SpanMemory.Alloc(16));
        }

        frames++;
        bool own = StackPlaces.TryFind((nuint)frame, out ThreadRecord* record);
        found += own ? 1 : 0;
        taken += !own && record->StackBytes != 0 ? 1 : 0;
    }
}
