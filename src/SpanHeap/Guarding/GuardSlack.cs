using SpanHeap.Os;

namespace SpanHeap.Guarding;

/// <summary>The bytes beside a guarded block that are accessible and nobody's: from the start of its first page of the system, and to the end of its last.</summary>
/// <param name="Before">The first byte before the block; the block's start when there is none.</param>
/// <param name="Behind">The first byte behind it.</param>
/// <param name="End">One past the last behind it.</param>
internal readonly record struct GuardSlack(nint Before, nint Behind, nint End)
{
    public static unsafe GuardSlack Of(GuardedSpan* span)
    {
        ref GuardRecord record = ref span->Record;
        if (span->DataBytes == 0)
        {
            return new GuardSlack(record.Address, record.Address, record.Address);
        }

        nint page = (nint)OsMemory.PageSize;
        nint behind = record.Address + (nint)record.ByteCount;
        return new GuardSlack(record.Address & -page, behind, (behind + page - 1) & -page);
    }

    /// <summary>The first byte that was written to; 0 for none. The pages are accessible.</summary>
    public nint FindDamage(nint block)
    {
        nint damage = SlackPattern.FindDamage(Before, block);
        return damage != 0 ? damage : SlackPattern.FindDamage(Behind, End);
    }
}
