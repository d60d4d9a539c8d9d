using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Guarding;

/// <summary>
/// Guarded blocks that no arena holds: each is memory of the platform's own, found by <see cref="HugeBlocks"/> instead of page entries, with
/// its span in <see cref="HugeGuards"/>. All else is as with the others.
/// </summary>
internal sealed unsafe partial class GuardHeap
{
    // Kept from here on are a place among the guards and one among the huge blocks, until GiveBackHuge.
    private bool TryTakeHuge(in GuardLayout layout, bool zeroed, out GuardedSpan* span)
    {
        nuint bytes = layout.Pages << PageGeometry.PageShift;
        span = null;
        while (!arenas.TryAddHugeBytes(bytes))
        {
            if (!RetireAll())
            {
                return false;
            }
        }

        HugeGuard* guard = HugeGuards.TryTake();
        bool reserved = guard != null && HugeBlocks.TryReserve(os);
        if (!reserved || !HugeBlocks.TryMake(os, arenas.HeapSerial, bytes, layout.Alignment << PageGeometry.PageShift, zeroed, out HugeBlock block))
        {
            GiveUp(guard, reserved, bytes);
            return false;
        }

        guard->Guarded = default;
        guard->Platform = block.Platform;
        guard->Guarded.IsHuge = true;
        guard->Guarded.Span.Base = block.Address;
        guard->Guarded.Span.Pages = (int)layout.Pages;
        span = &guard->Guarded;
        return true;
    }

    private void GiveUp(HugeGuard* guard, bool reserved, nuint bytes)
    {
        if (reserved)
        {
            HugeBlocks.Unreserve();
        }

        if (guard != null)
        {
            HugeGuards.Release(guard);
        }

        arenas.AddHugeBytes(-(long)bytes);
    }

    private void GiveBackHuge(HugeGuard* guard)
    {
        os.Free(guard->Platform);
        GiveUp(guard, reserved: true, guard->Guarded.Bytes);
    }

    private void LinkHuge(HugeGuard* guard)
    {
        ref GuardedSpan span = ref guard->Guarded;
        Volatile.Write(ref span.Record.Magic, GuardRecord.RecordMagic);
        HugeBlocks.AddReserved(new HugeBlock
        {
            Address = span.Span.Base, Size = span.Bytes, Platform = guard->Platform, HeapSerial = arenas.HeapSerial, Guarded = (nint)guard,
        });
    }

    private static void UnlinkHuge(GuardedSpan* span)
    {
        HugeBlocks.RemoveGuarded(span->Span.Base);
        span->Span.State = SpanState.Dead;
        Volatile.Write(ref span->Record.Magic, 0);
    }

    // Under the lock, which who takes a guarded block out of the records holds.
    private GuardedSpan* FindHuge(nint address) =>
        HugeBlocks.TryFind(address, out HugeBlock huge) && huge.HeapSerial == arenas.HeapSerial ? (GuardedSpan*)huge.Guarded : null;
}
