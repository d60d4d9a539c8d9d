using System.Runtime.CompilerServices;
using SpanHeap.Heap;

namespace SpanHeap.Metrics;

/// <summary>The shared heap as the public face gets it: its figures are published once it has been maintained.</summary>
internal static unsafe class MeteredSharedHeap
{
    /// <inheritdoc cref="SharedHeap.Require"/>
    public static HeapCore Require() => SharedHeap.Core ?? Create();

    // The first allocation of the process only notes what the first round of maintenance is to do.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static HeapCore Create()
    {
        HeapCore heap = SharedHeap.Require();
        if (heap.Options.ScavengeDelay != Timeout.InfiniteTimeSpan)
        {
            heap.OnFirstVisit(&HeapMeter.StartSoon);
        }
        else
        {
            // Such a heap is never maintained.
            HeapMeter.StartSoon();
        }

        return heap;
    }
}
