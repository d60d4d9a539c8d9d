namespace SpanHeap.Perf.CBaseline;

/// <summary>A process, warm, that measures one allocator on one workload.</summary>
internal interface IContender : IDisposable
{
    /// <summary>Measures one round and gives the nanoseconds an operation took.</summary>
    double Round();
}
