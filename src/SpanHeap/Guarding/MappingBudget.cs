using SpanHeap.Os;

namespace SpanHeap.Guarding;

/// <summary>How many mappings guards may split: the system counts those of a process, so that all its heaps share one.</summary>
/// <remarks>Thread safe. What is taken is given back by who unprotects the pages, or whose heap goes.</remarks>
internal sealed class MappingBudget(long limit)
{
    // Interlocked.
    private long _taken;

    /// <summary>That of the process: three eighths of what it may have are left to others, and each range splits two mappings at most.</summary>
    public static MappingBudget Process { get; } = new(OsMemory.MappingLimit() / 16 * 5);

    /// <summary>Whether so much is taken that freed blocks should give theirs back, for live ones to have.</summary>
    public bool IsScarce => Volatile.Read(ref _taken) > limit / 4 * 3;

    /// <summary>Freed blocks that one heap may keep: each splits two mappings, so that they take half.</summary>
    public long QuarantineShare => limit / 4;

    /// <summary>The same when little is left, by other heaps' doing perhaps: those freed last are the likeliest to be used by mistake.</summary>
    public long ScarceShare => limit / 32;

    public bool TryTake()
    {
        if (Interlocked.Increment(ref _taken) <= limit)
        {
            return true;
        }

        Give(1);
        return false;
    }

    public void Give(long count) => Interlocked.Add(ref _taken, -count);
}
