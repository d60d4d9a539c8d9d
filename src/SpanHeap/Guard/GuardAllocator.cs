using System.Runtime.InteropServices;
using SpanHeap.Guard.Protection;
using SpanHeap.Guard.Quarantine;
using SpanHeap.Guard.Records;
using SpanHeap.Guard.Sampling;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Guard;

/// <summary>Makes guarded blocks: from a size to a span whose guard faults and whose record says that its block lives.</summary>
/// <remarks>
/// Thread safe, and called without a lock. A span belongs to the thread that makes it until it is published, as the last step but one. After that, the
/// same thread notes the block in the file of records, before it returns the block.
/// </remarks>
internal sealed unsafe class GuardAllocator(
    GuardOptions options,
    ArenaSource arenas,
    HeapLimit limit,
    GuardCharge charge,
    GuardedSpanSource source,
    SpanProtection protection,
    GuardRecords records,
    GuardQuarantine quarantine,
    GuardEviction eviction,
    GuardRecordFile? file)
{
    // Larger blocks that are not requested zeroed are not filled, because that would cost memory that the program may never touch.
    private const nuint LargestFilled = 64 * 1024;

    // If the system keeps refusing, each new block costs this many spans in quarantine.
    private const int MostRetiredForGuard = 4;

    // 8 TiB: half of what the page count of a span can express, so that block, guard and rounding never overflow it.
    private const ulong LargestGuarded = 1UL << (30 + PageGeometry.PageShift);

    /// <summary>Makes a block; null when it cannot be guarded: the caller allocates one without a guard then.</summary>
    /// <param name="byteCount">Any number of bytes.</param>
    /// <param name="alignment">A power of two.</param>
    /// <param name="zeroed">Whether its bytes are to be zero.</param>
    /// <param name="whyNot">The reason, for <see cref="GuardRefusals.NoteUnguarded"/> once a block without a guard is allocated; null when there is none.</param>
    public void* TryAllocate(nuint byteCount, nuint alignment, bool zeroed, out string? whyNot)
    {
        whyNot = null;
        if (!TryLayOut(byteCount, alignment, out GuardLayout layout))
        {
            whyNot = "it does not fit the address space";
            return null;
        }

        int cost = SampleBudget.CostOf((long)layout.Pages, byteCount);
        if (!quarantine.TryReserve(cost))
        {
            return null;
        }

        // A stack that is recorded for the first time is read by .NET code, which may wait.
        int stack = options.RecordStacks ? StackDepot.Capture() : 0;
        InterleavingPoints.SleepIf(options.RecordStacks, InterleavingPoint.CallStackKept);
        GuardedSpan* span = TryTakeSpan(layout, byteCount, zeroed, out bool needsZero);
        if (span == null)
        {
            whyNot = limit.HasRoomForGuarded((int)Math.Min(layout.Pages, int.MaxValue))
                ? "there is no address space or memory for its pages, or its heap has reached its memory limit"
                : "the guarded pages of its heap take as much as the memory limit already";
            quarantine.Release(cost);
            return null;
        }

        Complete(span, layout, byteCount);
        if (!TryGuard(span))
        {
            charge.Release(byteCount);
            source.Release(span);
            quarantine.Release(cost);
            whyNot = GuardRefusals.Unprotected;
            return null;
        }

        Fill(span, zeroed, needsZero);
        InterleavingPoints.At(InterleavingPoint.GuardedBlockMade);
        records.Publish(span, stack);
        file?.Note(span->Record);
        return (void*)span->Record.Address;
    }

    private bool TryLayOut(nuint byteCount, nuint alignment, out GuardLayout layout)
    {
        layout = default;
        if (byteCount > LargestGuarded || alignment > LargestGuarded)
        {
            return false;
        }

        nuint natural = options.Strict ? 1 : byteCount <= 8 ? 8u : 16;
        bool atStart = options.Alignment == GuardAlignment.Start || (options.Alignment == GuardAlignment.Random && Random.Shared.Next(2) == 0);
        layout = GuardLayout.Of(byteCount, Math.Max(alignment, natural), atStart);
        return true;
    }

    private GuardedSpan* TryTakeSpan(in GuardLayout layout, nuint byteCount, bool zeroed, out bool needsZero)
    {
        if (source.FitsArena(layout))
        {
            return TryTakeInArena(layout, byteCount, out needsZero);
        }

        needsZero = false;
        return TryTakeHuge(layout, byteCount, zeroed);
    }

    // Whatever the reason for the refusal, spans in quarantine may have what is lacking.
    private GuardedSpan* TryTakeInArena(in GuardLayout layout, nuint byteCount, out bool needsZero)
    {
        int count = (int)layout.Pages;
        while (true)
        {
            PageRefusal refusal = source.TryTake(layout, byteCount, out GuardedSpan* span, out needsZero);
            bool helped = refusal switch
            {
                PageRefusal.Guards => quarantine.TryMakeWay(count),
                PageRefusal.NoRun => arenas.TryGrow(count, (int)layout.Alignment) || quarantine.TryMakeWay(count) || quarantine.TryRetireOldestHuge(),
                _ => false,
            };
            if (!helped)
            {
                return span;
            }
        }
    }

    // Null when even the address space of the oldest freed blocks is not enough.
    private GuardedSpan* TryTakeHuge(in GuardLayout layout, nuint byteCount, bool zeroed)
    {
        if (!limit.TryChargeGuarded(charge.Of(byteCount)))
        {
            return null;
        }

        GuardedSpan* span;
        while ((span = source.TryTakeHuge(layout, zeroed)) == null && quarantine.HugePages >= (long)layout.Pages && quarantine.TryRetireOldestHuge())
        {
        }

        if (span == null)
        {
            charge.Release(byteCount);
        }

        return span;
    }

    private static void Complete(GuardedSpan* span, in GuardLayout layout, nuint byteCount)
    {
        span->Span.Slots = 1;
        span->Span.SlotSize = layout.DataBytes;
        span->IsGuardFirst = layout.IsGuardFirst;
        span->Record.Address = span->Span.Base + (nint)layout.BlockOffset;
        span->Record.ByteCount = byteCount;
        span->Record.SpanBase = span->Span.Base;
    }

    // Unless markers protect them, freed blocks have mappings that this block may lack, and so have live blocks of a sample.
    private bool TryGuard(GuardedSpan* span)
    {
        bool guarded = protection.TryProtectGuard(span);
        for (int retired = 0; !guarded && retired < MostRetiredForGuard && (quarantine.TryRetireOldest() || eviction.TryUnprotectOldest()); retired++)
        {
            guarded = protection.TryProtectGuard(span);
        }

        return guarded;
    }

    private static void Fill(GuardedSpan* span, bool zeroed, bool needsZero)
    {
        ref GuardRecord record = ref span->Record;
        if (zeroed && needsZero)
        {
            NativeMemory.Clear((void*)record.Address, record.ByteCount);
        }
        else if (!zeroed && record.ByteCount <= LargestFilled)
        {
            NativeMemory.Fill((void*)record.Address, record.ByteCount, SlackPattern.Unwritten);
        }

        GuardSlack slack = GuardSlack.Of(span);
        SlackPattern.Fill(slack.Before, record.Address);
        SlackPattern.Fill(slack.PastEnd, slack.End);
    }
}
