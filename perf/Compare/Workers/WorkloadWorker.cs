using System.Globalization;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Compare.Workers;

/// <summary>Child process: one workload with one allocator.</summary>
internal abstract class WorkloadWorker(string workload, string threads) : IAllocatorVisitor
{
    public int Visit<T>() where T : struct, IAllocator<T>, allows ref struct
    {
        using Workload prepared = Prepare();
        Measure(new Steps(prepared, prepared.Fill<T>, prepared.Run<T>, prepared.Drain<T>, () => T.OwnResidentBytes));
        return 0;
    }

    public int VisitArrays<T>() where T : struct, IArraySource
    {
        using Workload prepared = Prepare();
        Measure(new Steps(prepared, () => { }, ((IArrayWorkload)prepared).RunArrays<T>, () => { }, () => null));
        return 0;
    }

    protected abstract void Measure(Steps steps);

    private Workload Prepare()
    {
        Workload made = WorkloadCatalog.Find(workload).Make(int.Parse(threads, CultureInfo.InvariantCulture));
        made.Prepare();
        return made;
    }

    /// <summary>A workload's steps with the allocator chosen.</summary>
    protected sealed record Steps(Workload Workload, Action Fill, Action Run, Action Drain, Func<long?> OwnResidentBytes);
}
