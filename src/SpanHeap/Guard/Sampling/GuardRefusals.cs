using SpanHeap.Os;

namespace SpanHeap.Guard.Sampling;

/// <summary>Counts the blocks that should have been guarded and are not, and reports the first that could not be.</summary>
/// <remarks>Thread safe.</remarks>
internal sealed class GuardRefusals
{
    /// <summary>The reason when the system refuses to protect a block's pages.</summary>
    public const string Unprotected = "the system refuses to protect more pages";

    // All three are interlocked.
    private long _degraded;
    private long _skipped;
    private int _warned;

    /// <summary>Gets the number of blocks whose guard, or whose pages after the free, the system refused to protect or to release.</summary>
    public long Degraded => Volatile.Read(ref _degraded);

    /// <summary>Gets the number of blocks that the sample had no room for.</summary>
    public long Skipped => Volatile.Read(ref _skipped);

    /// <summary>Counts a block that should have been guarded and is not, and writes the reason to the error stream the first time.</summary>
    public void NoteUnguarded(string why)
    {
        NoteDegraded();
        if (Interlocked.Exchange(ref _warned, 1) == 0)
        {
            ErrorStream.WriteLine($"SpanHeap: a block could not be guarded, because {why}. Such blocks are allocated without a guard (this is reported once; the statistics count them).");
        }
    }

    /// <summary>Counts a refusal of the system without a report.</summary>
    public void NoteDegraded() => Interlocked.Increment(ref _degraded);

    /// <summary>Counts a block that the sample had no room for.</summary>
    public void NoteSkipped() => Interlocked.Increment(ref _skipped);
}
