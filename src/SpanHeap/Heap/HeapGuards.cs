using SpanHeap.Checks;
using SpanHeap.Guard;
using SpanHeap.Guard.Faults;
using SpanHeap.Guard.Protection;
using SpanHeap.Guard.Records;
using SpanHeap.Guard.Sampling;

namespace SpanHeap.Heap;

/// <summary>The guards of a heap. In a heap without guards everything here is null.</summary>
internal sealed unsafe class HeapGuards : IDisposable
{
    private readonly GuardRecordFile? _file;
    private readonly bool _guards;
    private readonly bool _reportsLeaks;
    private LeakWatch? _leaks;

    /// <summary>
    /// Opens the file of records, if there is one. This comes before the heap has anything that would have to be given back if the file cannot be
    /// written.
    /// </summary>
    public HeapGuards(GuardOptions options)
    {
        _guards = options.Mode is GuardMode.Sampled or GuardMode.All;
        _reportsLeaks = options.ReportLeaks;
        _file = _guards && options.RecordFile != null ? GuardRecordFile.Create(options.RecordFile) : null;
    }

    public GuardedBlocks? Guard { get; private set; }

    /// <summary>Decides which allocations are guarded; null unless a sample is.</summary>
    public GuardSampler? Sampler { get; private set; }

    /// <summary>Creates the guards, once.</summary>
    public void Begin(GuardOptions options, HeapMemory memory, MisuseLog misuse, ulong seed)
    {
        if (!_guards)
        {
            return;
        }

        // The process's table comes first, because creating it must not fail in the middle of an operation.
        _ = HugeGuards.Table;
        Guard = new GuardedBlocks(new GuardParts(memory.Os, memory.Pages, memory.Arenas, memory.Limit, options, _file, MappingBudget.Process, misuse.Record));
        Sampler = options.Mode == GuardMode.Sampled ? new GuardSampler(options.Rate, seed) : null;
        if (options.ReportFaults)
        {
            FaultHandler.TryInstall();
        }
    }

    /// <summary>Begins to watch for leaks, if the heap is to report them. The process keeps the watch until the heap is disposed.</summary>
    public void Watch(string name) => _leaks = Guard != null && _reportsLeaks ? new LeakWatch(Guard, name) : null;

    /// <summary>Reports what has leaked. This is the first part of disposing.</summary>
    public void ReportLeaks() => _leaks?.Dispose();

    /// <summary>Ends all guards while the heap's memory is still there.</summary>
    public void Close() => Guard?.Close();

    public void Dispose() => _file?.Dispose();
}
