using System.Runtime.CompilerServices;
using SpanHeap.Caches;
using SpanHeap.Tests.Support;
using SpanHeap.Threads;

namespace SpanHeap.Tests.Threads;

/// <summary>A thread finds its own record wherever on its stack it runs, and never another's, whichever thread ran on that stack before.</summary>
[Collection(WholeProcess.Name)]
public sealed unsafe class ThreadRecordTests
{
    private const int MiB = 1 << 20;

    [Fact]
    public void A_new_thread_has_no_record_though_threads_before_it_ran_on_its_stack()
    {
        using NativeHeap heap = StressHeap.Still();
        for (int round = 0; round < 300; round++)
        {
            StressThreads.RunOne(() =>
            {
                Assert.True(ThreadRecord.Current == ThreadRecord.None, "a record before the first use");
                SpanMemory.Free(SpanMemory.Alloc(16));
                Assert.True(ThreadRecord.Current != ThreadRecord.None);
                Assert.True(heap.Core.FindOwnCache() == ThreadCache.None, "a cache of a heap that the thread never used");
                heap.Free(heap.Alloc(16));
            });
        }
    }

    [LinuxFact]
    public void The_end_of_a_thread_is_noted_in_its_record()
    {
        nint record = 0;
        StressThreads.RunOne(() =>
        {
            SpanMemory.Free(SpanMemory.Alloc(16));
            record = (nint)ThreadRecord.Current;
            Assert.True(((ThreadRecord*)record)->StackBytes > 1, "no stack is known");
        });

        StressWait.Until(() => Volatile.Read(ref ((ThreadRecord*)record)->StackBytes) == 0, static () => "the thread has a stack");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(20)]
    [InlineData(100)]
    public void A_thread_keeps_its_caches_at_any_depth_of_its_stack(int depthMiB)
    {
        using NativeHeap heap = StressHeap.Still();
        Exception? thrown = null;
        Thread thread = new(
            () =>
            {
                try
                {
                    heap.Free(heap.Alloc(16));
                    Descend(heap, depthMiB * 8, (nint)ThreadRecord.Current, (nint)heap.Core.FindOwnCache());
                }
                catch (Exception exception)
                {
                    thrown = exception;
                }
            },
            (depthMiB + 8) * MiB);
        thread.Start();
        thread.Join();
        Assert.Null(thrown);
    }

    [Fact]
    public void Threads_with_stacks_so_small_that_several_meet_in_one_place_keep_apart()
    {
        const int Threads = 40;
        nint[] records = new nint[Threads];
        using Barrier barrier = new(Threads);
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(i => new Thread(
            () =>
            {
                SpanMemory.Free(SpanMemory.Alloc(16));
                nint first = (nint)ThreadRecord.Current;
                bool same = true;
                for (int round = 0; round < 20; round++)
                {
                    barrier.SignalAndWait();
                    same &= (nint)ThreadRecord.Current == first;
                }

                records[i] = same ? first : 0;
            },
            256 * 1024))];
        Array.ForEach(threads, static thread => thread.Start());
        Array.ForEach(threads, static thread => thread.Join());

        Assert.DoesNotContain(0, records);
        Assert.DoesNotContain((nint)ThreadRecord.None, records);
        Assert.Equal(Threads, records.Distinct().Count());
    }

    [LinuxFact(MeasuresThreads = true)]
    [Unguarded("stacks are managed memory")]
    public void A_thread_that_only_uses_native_memory_makes_no_managed_object()
    {
        // The first pays for what happens once in a process.
        StressThreads.RunOne(static () => SpanMemory.Free(SpanMemory.Alloc(16)));
        long made = -1;
        bool watched = false;
        StressThreads.RunOne(() =>
        {
            // The heap asks a thread that has made objects, or is one of many, for its Thread, to be able to see that it waits.
            long before = GC.GetAllocatedBytesForCurrentThread();
            watched = before > 0 || NativeHeap.Shared.Core.Registry.OwnedCount > 15;
            before = GC.GetAllocatedBytesForCurrentThread();
            SpanMemory.Free(SpanMemory.Alloc(16));
            made = GC.GetAllocatedBytesForCurrentThread() - before;
        });

        Assert.InRange(made, 0, watched ? 256 : 0);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Descend(NativeHeap heap, int steps, nint record, nint cache)
    {
        byte* frame = stackalloc byte[MiB / 8];
        frame[0] = 1;
        Assert.Equal(record, (nint)ThreadRecord.Current);
        Assert.Equal(cache, (nint)heap.Core.FindOwnCache());
        if (steps > 0)
        {
            Descend(heap, steps - 1, record, cache);
        }
    }
}
