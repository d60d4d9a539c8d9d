using System.Diagnostics;
using System.Runtime.CompilerServices;
using SpanHeap.Perf.Measurement;
using SpanHeap.Traced;

namespace SpanHeap.Perf.Traced.Details;

/// <summary>
/// A zeroed block of 16 bytes, traced in an open scope and manual, in turns on one heap. Only the allocating is timed, refills of the
/// thread's cache included: manual blocks are freed, and traced ones collected and swept, between the batches.
/// </summary>
internal sealed unsafe class AllocSmall(string name) : HeapDetail(name)
{
    private const int BlockBytes = 16;

    // Two spans of them, which the processor's first cache holds.
    private const int Batch = 1024;
    private const int Batches = 4000;
    private const int BatchesOfWarmUp = 50;

    private readonly nint[] _manual = new nint[Batch];

    public override Dictionary<string, double> Measure() => Measure(Batches);

    public override void WarmUp() => Measure(BatchesOfWarmUp);

    private Dictionary<string, double> Measure(int batches)
    {
        using TracedHeap heap = NewHeap();
        var traced = new double[batches];
        var manual = new double[batches];
        for (int i = 0; i < batches; i++)
        {
            manual[i] = TimeManual(heap);
            traced[i] = TimeTraced(heap);
        }

        double tracedMedian = Averages.Median(traced), manualMedian = Averages.Median(manual);
        return new Dictionary<string, double>
        {
            ["traced_ns"] = tracedMedian,
            ["manual_ns"] = manualMedian,
            ["ratio"] = tracedMedian / manualMedian,
        };
    }

    private static double TimeTraced(TracedHeap heap)
    {
        double time;
        using (TracedScope scope = heap.Enter())
        {
            long start = Stopwatch.GetTimestamp();
            MakeTraced(in scope);
            time = Nanoseconds(start, Stopwatch.GetTimestamp()) / Batch;
        }

        heap.Collect();
        heap.FinishSweeping();
        return time;
    }

    private double TimeManual(TracedHeap heap)
    {
        long start = Stopwatch.GetTimestamp();
        MakeManual(heap);
        double time = Nanoseconds(start, Stopwatch.GetTimestamp()) / Batch;
        foreach (nint block in _manual)
        {
            heap.Native.Free((void*)block);
        }

        return time;
    }

    // The manual ones must be remembered, one store more than the traced ones need.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void MakeTraced(scoped in TracedScope scope)
    {
        for (int i = 0; i < Batch; i++)
        {
            scope.New<Block>().Value.First = i;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void MakeManual(TracedHeap heap)
    {
        nint[] blocks = _manual;
        for (int i = 0; i < blocks.Length; i++)
        {
            var block = (long*)heap.Native.AllocZeroed(BlockBytes);
            *block = i;
            blocks[i] = (nint)block;
        }
    }
}
