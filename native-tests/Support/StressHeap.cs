using SpanHeap.Caches;
using SpanHeap.Threads;

namespace SpanHeap.Tests.Support;

/// <summary>Heaps for tests, and what tests ask of them.</summary>
internal static unsafe class StressHeap
{
    /// <summary>A heap that does nothing of itself.</summary>
    public static NativeHeap Still(HeapChecks checks = HeapChecks.Standard, nuint memoryLimit = 0) =>
        new(new NativeHeapOptions { ScavengeDelay = Timeout.InfiniteTimeSpan, Checks = checks, MemoryLimit = memoryLimit });

    /// <summary>A heap whose timer comes often.</summary>
    public static NativeHeap Restless(int delayMilliseconds = 40, HeapChecks checks = HeapChecks.Standard) =>
        new(new NativeHeapOptions { ScavengeDelay = TimeSpan.FromMilliseconds(delayMilliseconds), Checks = checks });

    /// <summary>Blocks of one size, their first and last bytes written.</summary>
    public static nint[] AllocateMany(NativeHeap heap, int count, int size)
    {
        nint[] blocks = new nint[count];
        for (int i = 0; i < count; i++)
        {
            byte* block = (byte*)heap.Alloc((nuint)size);
            for (int at = 0; at < size; at += 4096)
            {
                block[at] = 1;
            }

            blocks[i] = (nint)block;
        }

        return blocks;
    }

    public static void FreeAll(NativeHeap heap, IEnumerable<nint> blocks)
    {
        foreach (nint block in blocks)
        {
            heap.Free((void*)block);
        }
    }

    /// <summary>The calling thread's cache of a heap.</summary>
    public static ThreadCache* CacheOf(NativeHeap heap) => heap.Core.FindOwnCache();

    /// <summary>Waits until so many threads of a heap have been found dead: the system ends a thread a moment after .NET has.</summary>
    public static void WaitForOrphans(NativeHeap heap, int count)
    {
        CacheRegistry registry = heap.Core.Registry;
        StressWait.Until(
            () =>
            {
                registry.Poll(int.MaxValue);
                return registry.OrphanCount == count;
            },
            () => $"{registry.OrphanCount} orphans, not {count}");
    }

    /// <summary>Waits until the timer does not come any more, or far less often: the clock advances once a round.</summary>
    public static void WaitUntilTimerRests(NativeHeap heap)
    {
        uint last = 0;
        int still = 0;
        StressWait.Until(
            () =>
            {
                uint now = heap.Core.Clock.Now;
                still = now == last ? still + 1 : 0;
                last = now;
                return still == 20;
            },
            () => $"the timer has come {last} times and does not rest");
    }

    /// <summary>Waits until a heap with a timer has nothing left to do, so that no other thread touches it.</summary>
    public static void WaitUntilEmpty(NativeHeap heap)
    {
        StressWait.Until(
            () => heap.GetStatistics() is { PagesFree: 0 } now && now.PagesOfProgram() == 0,
            () => heap.GetStatistics() is var now ? $"{now.PagesOfProgram()} pages are in use, {now.PagesFree} free" : "");
    }
}
