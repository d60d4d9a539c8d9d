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

    /// <summary>Mappings that freed blocks of one heap may split.</summary>
    public long QuarantineShare => limit / 4;

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
