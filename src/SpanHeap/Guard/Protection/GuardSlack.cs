using SpanHeap.Guard.Records;
using SpanHeap.Os;

namespace SpanHeap.Guard.Protection;

/// <summary>The accessible bytes beside a guarded block that belong to no block: from the start of its first page of the system, and to the end of its last.</summary>
/// <param name="Before">The first byte before the block; the block's start when there is none.</param>
/// <param name="PastEnd">The first byte past the end of the block.</param>
/// <param name="End">The end of the last accessible byte past the block, exclusive.</param>
internal readonly record struct GuardSlack(nint Before, nint PastEnd, nint End)
{
    /// <summary>Gets the slack of a span's block.</summary>
    public static unsafe GuardSlack Of(GuardedSpan* span)
    {
        ref GuardRecord record = ref span->Record;
        if (span->DataBytes == 0)
        {
            return new GuardSlack(record.Address, record.Address, record.Address);
        }

        nint page = (nint)OsMemory.PageSize;
        nint pastEnd = record.Address + (nint)record.ByteCount;
        return new GuardSlack(record.Address & -page, pastEnd, (pastEnd + page - 1) & -page);
    }

    /// <summary>Finds the first byte that was written to; 0 when none was. The pages must be accessible.</summary>
    public nint FindDamage(nint block)
    {
        nint damage = SlackPattern.FindDamage(Before, block);
        return damage != 0 ? damage : SlackPattern.FindDamage(PastEnd, End);
    }
}
