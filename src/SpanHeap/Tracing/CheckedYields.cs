using System.Diagnostics;

namespace SpanHeap.Tracing;

/// <summary>
/// With full checks: lets a Yield collect although no collection is due. What a scope no longer refers to then dies at once, so that a
/// reference that is used beyond the Yield is found where it is used, and not when the heap happens to have grown.
/// </summary>
/// <remarks>Thread safe: a mix-up of two threads costs or saves a collection.</remarks>
internal sealed class CheckedYields(bool enabled, Pacer pacer)
{
    // A Yield that collected is followed by so many times as long without one of these collections: they take a ninth of the time at
    // most, however much lives.
    private const long RestPerCollection = 8;

    // When the rest after the last one ends, as a time stamp. Written and read by any thread.
    private long _restsUntil;

    /// <summary>Before a Yield: makes a collection due if it is time for one.</summary>
    /// <returns>A time stamp for <see cref="End"/>; 0 when no collection was asked for.</returns>
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

    /// <summary>After the Yield.</summary>
    public void End(long begun)
    {
        if (begun != 0)
        {
            long now = Stopwatch.GetTimestamp();
            Volatile.Write(ref _restsUntil, now + ((now - begun) * RestPerCollection));
        }
    }
}
