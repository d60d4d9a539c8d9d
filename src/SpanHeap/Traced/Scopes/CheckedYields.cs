using System.Diagnostics;
using SpanHeap.Traced.Pacing;

namespace SpanHeap.Traced.Scopes;

/// <summary>
/// With full checks, lets a Yield collect even if no collection is due. What a scope no longer refers to then dies at once, so that a reference
/// used after the Yield is detected at its use, and not when the heap happens to have grown.
/// </summary>
/// <remarks>Thread safe: a race between two threads only costs or saves a collection.</remarks>
internal sealed class CheckedYields(bool enabled, Pacer pacer)
{
    // After such a collection, none follows for this many times as long as it took: they take at most a ninth of the time, however much lives.
    private const long RestPerCollection = 8;

    // When the pause after the last one ends, as a time stamp. Written and read by any thread.
    private long _restsUntil;

    /// <summary>Called before a Yield: makes a collection due if it is time for one.</summary>
    /// <returns>A time stamp for <see cref="End"/>; 0 if no collection was requested.</returns>
    public long Begin()
    {
        if (!enabled)
        {
            return 0;
        }

        long now = Stopwatch.GetTimestamp();
        if (now < Volatile.Read(ref _restsUntil))
        {
            return 0;
        }

        pacer.MakeDue();
        return now;
    }

    /// <summary>Called after the Yield.</summary>
    public void End(long begun)
    {
        if (begun != 0)
        {
            long now = Stopwatch.GetTimestamp();
            Volatile.Write(ref _restsUntil, now + ((now - begun) * RestPerCollection));
        }
    }
}
