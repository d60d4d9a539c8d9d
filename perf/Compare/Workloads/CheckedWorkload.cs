namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>
/// A workload that counts blocks with wrong contents instead of throwing at the first: a thread that threw would leave
/// others waiting for it for ever.
/// </summary>
internal abstract class CheckedWorkload(int threads, bool threadsStay = true) : Workload(threads, threadsStay)
{
    private long _wrong;

    public sealed override void Verify()
    {
        if (Interlocked.Exchange(ref _wrong, 0) is var wrong and not 0)
        {
            throw new WrongContentsException($"{wrong} blocks did not hold what was written to them.");
        }
    }

    /// <summary>Called by each thread once a pass, with what it counted.</summary>
    protected void AddWrong(long count) => Interlocked.Add(ref _wrong, count);
}
