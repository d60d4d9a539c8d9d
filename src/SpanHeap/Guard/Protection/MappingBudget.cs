using SpanHeap.Os;

namespace SpanHeap.Guard.Protection;

/// <summary>A budget of mappings that guards may split. The system counts the mappings of a process, so all its heaps share one budget.</summary>
/// <remarks>Thread safe. Ranges go back to the budget when the pages are unprotected, or when the heap is closed.</remarks>
internal sealed class MappingBudget(long limit)
{
    // Interlocked.
    private long _taken;

    /// <summary>The budget of the process: three eighths of the mappings that it may have are left to others, and each range splits two at most.</summary>
    public static MappingBudget Process { get; } = new(OsMemory.MappingLimit() / 16 * 5);

    /// <summary>Whether so much is taken that freed blocks should give theirs back, for live ones to have.</summary>
    public bool IsScarce => Volatile.Read(ref _taken) > limit / 4 * 3;

    /// <summary>Freed blocks that one heap may keep: each splits two mappings, so that they take half.</summary>
    public long QuarantineShare => limit / 4;

    /// <summary>Freed blocks that one heap may keep when little is left, perhaps because of other heaps: those freed last are the likeliest to be used by mistake.</summary>
    public long ScarceShare => limit / 32;

    /// <summary>Takes one range; false when there is none left.</summary>
    public bool TryTake()
    {
        if (Interlocked.Increment(ref _taken) <= limit)
        {
            return true;
        }

        Give(1);
        return false;
    }

    /// <summary>Gives back as many ranges.</summary>
    public void Give(long count) => Interlocked.Add(ref _taken, -count);
}
