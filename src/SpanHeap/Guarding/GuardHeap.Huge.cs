using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Guarding;

/// <summary>
/// Guarded blocks that no arena holds: each is memory of the platform's own, found by <see cref="HugeBlocks"/> instead of page entries, with
/// its span in <see cref="HugeGuards"/>. All else is as with the others.
/// </summary>
/// <remarks>From taking a span to giving it back its heap keeps a place among the guards, and one among the huge blocks.</remarks>
internal sealed unsafe partial class GuardHeap
{
    // Null when even the oldest freed blocks' address space does not do.
    private GuardedSpan* TakeHuge(in GuardLayout layout, nuint byteCount, bool zeroed)
    {
        nuint charge = ChargeFor(byteCount);
        if (!arenas.TryChargeGuarded(charge))
        {
            return null;
        }

        GuardedSpan* span;
        while ((span = TryMakeHuge(layout, zeroed)) == null && _hugeQuarantine.Pages >= (long)layout.Pages && TryRetireOldestHuge())
        {
        }

        arenas.CountGuarded(span == null ? -(long)charge : 0);
        return span;
    }

    private GuardedSpan* TryMakeHuge(in GuardLayout layout, bool zeroed)
    {
        nuint bytes = layout.Pages << PageGeometry.PageShift;
        nuint alignment = layout.Alignment << PageGeometry.PageShift;
        HugeGuard* guard = HugeGuards.TryTake();
        bool reserved = guard != null && HugeBlocks.TryReserve(os);
        if (!reserved || !HugeBlocks.TryMake(os, arenas.HeapSerial, bytes, alignment, zeroed, out HugeBlock block))
        {
            GiveUp(guard, reserved);
            return null;
        }

        guard->Guarded = default;
        guard->Guarded.IsHuge = true;
        guard->Guarded.Span.Base = block.Address;
        guard->Guarded.Span.Pages = (int)layout.Pages;
        guard->Platform = block.Platform;
        guard->PlatformPages = (long)(block.PlatformBytes >> PageGeometry.PageShift);
        return &guard->Guarded;
    }

    private static void GiveUp(HugeGuard* guard, bool reserved)
    {
        if (reserved)
        {
            HugeBlocks.Unreserve();
        }

        if (guard != null)
        {
            HugeGuards.Release(guard);
        }
    }

    private void GiveBackHuge(HugeGuard* guard)
    {
        os.Free(guard->Platform);
        GiveUp(guard, reserved: true);
    }

    private void LinkHuge(HugeGuard* guard)
    {
        ref GuardedSpan span = ref guard->Guarded;
        Volatile.Write(ref span.Record.Magic, GuardRecord.RecordMagic);
        Volatile.Write(ref span.Record.SpanBase, span.Span.Base);
        HugeBlocks.AddReserved(new HugeBlock
        {
            Address = span.Span.Base, Size = span.Bytes, Platform = guard->Platform, HeapSerial = arenas.HeapSerial, Guarded = (nint)guard,
        });
    }

    // Another block may come to its addresses as soon as they are the platform's: the fault handler must not find this one there.
    private static void UnlinkHuge(GuardedSpan* span)
    {
        HugeBlocks.RemoveGuarded(span->Span.Base);
        span->Span.State = SpanState.Dead;
        Volatile.Write(ref span->Record.Magic, 0);
        Volatile.Write(ref span->Record.SpanBase, 0);
    }

    // Under the lock, which who takes a guarded block out of the records holds.
    private GuardedSpan* FindHuge(nint address) =>
        HugeBlocks.TryFind(address, out HugeBlock huge) && huge.HeapSerial == arenas.HeapSerial ? (GuardedSpan*)huge.Guarded : null;
}
