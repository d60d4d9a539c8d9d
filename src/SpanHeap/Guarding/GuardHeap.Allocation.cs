using System.Runtime.InteropServices;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Guarding;

/// <summary>From a size to a block with its guard.</summary>
internal sealed unsafe partial class GuardHeap
{
    // Blocks up to this are filled when they are not asked for zeroed: beyond it would cost memory that the program may never touch.
    private const nuint LargestFilled = 64 * 1024;

    // Where the system refuses for good, each block costs quarantine as much.
    private const int MostRetiredForGuard = 4;

    private const string ProtectionRefused = "the system does not protect more pages";

    // As an unguarded heap's smallest blocks do, however little was asked for.
    private const nuint SmallestCharge = 16;

    // 8 TiB: half of what a span's count of pages can say, so that block, guard and rounding never overflow it.
    private const ulong LargestGuarded = 1UL << (30 + PageGeometry.PageShift);

    /// <summary>A guarded block; null when it cannot be: the caller allocates one without a guard then. Call without a lock.</summary>
    /// <param name="byteCount">Any number of bytes.</param>
    /// <param name="alignment">A power of two.</param>
    /// <param name="zeroed">Whether its bytes are to be zero.</param>
    /// <param name="whyNot">To be told to <see cref="NoteUnguarded"/> when one is allocated without a guard; null when there is nothing to tell.</param>
    public void* TryAllocate(nuint byteCount, nuint alignment, bool zeroed, out string? whyNot)
    {
        whyNot = null;
        if (!TryLayOut(byteCount, alignment, out GuardLayout layout))
        {
            whyNot = "no address space has room for it";
            return null;
        }

        int cost = SampleBudget.CostOf((long)layout.Pages, byteCount);
        if (!TryTakeRoom(cost))
        {
            return null;
        }

        int stack = options.GuardStacks ? StackDepot.Capture() : 0;
        if (!TryTakeSpan(layout, byteCount, zeroed, out GuardedSpan* span, out bool needsZero))
        {
            whyNot = arenas.HasRoomForGuarded((int)Math.Min(layout.Pages, int.MaxValue))
                ? "there is no address space or memory for its pages, or its heap is at its limit"
                : "its heap has a limit and guards as many pages as that";
            _sample?.Give(cost);
            return null;
        }

        Complete(span, layout, byteCount);
        if (!TryGuard(span))
        {
            CountNoLonger(byteCount);
            GiveBack(span);
            _sample?.Give(cost);
            whyNot = ProtectionRefused;
            return null;
        }

        Fill(span, zeroed, needsZero);
        Publish(span, stack);
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

        nuint natural = options.GuardStrict ? 1 : byteCount <= 8 ? 8u : 16;
        bool atStart = options.GuardAlignment == GuardAlignment.Start || (options.GuardAlignment == GuardAlignment.Random && Random.Shared.Next(2) == 0);
        layout = GuardLayout.Of(byteCount, Math.Max(alignment, natural), atStart);
        return true;
    }

    private bool FitsArena(in GuardLayout layout) => pages.Geometry.Fits(layout.Pages, layout.Alignment);

    // A span with pages and a base, nothing else: its maker's alone.
    private bool TryTakeSpan(in GuardLayout layout, nuint byteCount, bool zeroed, out GuardedSpan* span, out bool needsZero)
    {
        needsZero = false;
        if (!FitsArena(layout))
        {
            span = TakeHuge(layout, byteCount, zeroed);
            return span != null;
        }

        bool taken = TryTakePages(layout, byteCount, out PageRun run);
        span = taken ? (GuardedSpan*)ArenaHeader.SpanAt(run.Address) : null;
        if (taken)
        {
            needsZero = run.NeedsZero;
            *span = default;
            span->Span.Base = run.Address;
            span->Span.Pages = run.Pages;
        }

        return taken;
    }

    private bool TryTakePages(in GuardLayout layout, nuint byteCount, out PageRun run)
    {
        int count = (int)layout.Pages;
        while (true)
        {
            PageRefusal refusal = arenas.TryAllocateGuarded(count, (int)layout.Alignment, ChargeFor(byteCount), out run);
            bool helped = refusal switch
            {
                PageRefusal.Guards => CanMakeWay(count) && TryRetireOldest(),
                PageRefusal.NoRun => arenas.TryGrow(count, (int)layout.Alignment) || (CanMakeWay(count) && TryRetireOldest()) || TryRetireOldestHuge(),
                _ => false,
            };
            if (!helped)
            {
                return refusal == PageRefusal.None;
            }
        }
    }

    // Whether freed blocks have so many pages, and live ones leave as many of what a limit allows.
    private bool CanMakeWay(int count) => _quarantine.Pages >= count && arenas.HasRoomForGuarded(count - (int)_quarantine.Pages);

    // What a block counts towards the heap's limit while it lives; freed ones count nothing, nor small ones of a sample, which has its budget:
    // without it they might have had slots that are counted already.
    private nuint ChargeFor(nuint byteCount) => GuardsAll || byteCount > SizeClasses.MaxSharedSize ? Math.Max(byteCount, SmallestCharge) : 0;

    private void CountNoLonger(nuint byteCount) => arenas.CountGuarded(-(long)ChargeFor(byteCount));

    private static void Complete(GuardedSpan* span, in GuardLayout layout, nuint byteCount)
    {
        span->Span.Slots = 1;
        span->Span.SlotSize = layout.DataBytes;
        span->IsGuardFirst = layout.IsGuardFirst;
        span->Record.Address = span->Span.Base + (nint)layout.BlockOffset;
        span->Record.ByteCount = byteCount;
        span->Record.SpanBase = span->Span.Base;
    }

    private bool TryGuard(GuardedSpan* span)
    {
        span->GuardForm = _protection.Protect(span->GuardStart, span->GuardBytes);
        for (int retired = 0; span->GuardForm == ProtectionForm.None && retired < MostRetiredForGuard && (TryRetireOldest() || TryWithdrawGuard()); retired++)
        {
            // A freed block has mappings that this one may lack, if it was not protected by markers; and so has one of a sample that lives on.
            span->GuardForm = _protection.Protect(span->GuardStart, span->GuardBytes);
        }

        return span->GuardForm != ProtectionForm.None;
    }

    // A span that nobody finds, all of whose pages are accessible.
    private void GiveBack(GuardedSpan* span)
    {
        if (span->IsHuge)
        {
            GiveBackHuge((HugeGuard*)span);
        }
        else
        {
            arenas.FreeGuarded(span->Span.Base, span->Span.Pages);
        }
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
        SlackPattern.Fill(slack.Behind, slack.End);
    }
}
