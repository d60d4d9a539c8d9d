using System.Runtime.InteropServices;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Guarding;

/// <summary>
/// A run of pages with one guarded block: a part that is the block's data, and a part that is the guard. Its record lies where any span's
/// does, or in <see cref="HugeGuards"/>; where a span of other blocks has its alloc bits, this has its <see cref="GuardRecord"/>.
/// </summary>
/// <remarks>Changed under the guard heap's lock, or by who has taken the span out of everybody's reach.</remarks>
[StructLayout(LayoutKind.Explicit, Size = 128)]
internal unsafe struct GuardedSpan
{
    /// <summary>Where the fault handler finds the record.</summary>
    public const int RecordOffset = 64;

    /// <summary>What all spans have; <see cref="Span.Next"/> leads through the quarantine, from the oldest on.</summary>
    [FieldOffset(0)]
    public Span Span;

    /// <summary>Whether a thread copies the block elsewhere and will free it: to all others it is freed already.</summary>
    [FieldOffset(59)]
    public bool IsMoving;

    /// <summary>How its guard is protected. In the bytes that a span leaves unused.</summary>
    [FieldOffset(60)]
    public ProtectionForm GuardForm;

    /// <summary>How its data are, once the block is freed.</summary>
    [FieldOffset(61)]
    public ProtectionForm DataForm;

    /// <summary>Whether the guard lies before the data.</summary>
    [FieldOffset(62)]
    public bool IsGuardFirst;

    /// <summary>Whether it is memory of the platform's own, and this a <see cref="HugeGuard"/>.</summary>
    [FieldOffset(63)]
    public bool IsHuge;

    [FieldOffset(RecordOffset)]
    public GuardRecord Record;

    /// <summary>Bytes of the data, whole pages of the system. (A guarded span has one slot, so its count is free for this.)</summary>
    public readonly nuint DataBytes => Span.SlotSize;

    public readonly nuint Bytes => (nuint)Span.Pages << PageGeometry.PageShift;

    /// <summary>Pages' worth of address space that the span takes.</summary>
    public static long AddressPages(GuardedSpan* span) => span->IsHuge ? ((HugeGuard*)span)->PlatformPages : span->Span.Pages;

    public readonly nint DataStart => IsGuardFirst ? Span.Base + (nint)(Bytes - DataBytes) : Span.Base;

    public readonly nint GuardStart => IsGuardFirst ? Span.Base : Span.Base + (nint)DataBytes;

    public readonly nuint GuardBytes => Bytes - DataBytes;

    /// <summary>The guarded span that an address with such an entry lies in.</summary>
    public static GuardedSpan* Of(nint address, uint entry) => (GuardedSpan*)ArenaHeader.SpanAt(
        (address & -PageGeometry.PageSize) - ((nint)PageEntry.PagesFromFirstOfGuarded(entry) << PageGeometry.PageShift));

    /// <summary>Makes a span of an arena findable: links in the places of the other pages' records, then the entries. All else is written.</summary>
    public static void Publish(GuardedSpan* span)
    {
        nint start = span->Span.Base;
        uint* entries = ArenaHeader.EntryOf(start);
        for (int page = 1; page < span->Span.Pages; page++)
        {
            GuardRecord* link = GuardRecord.OfPage(start + ((nint)page << PageGeometry.PageShift));
            link->Address = (nint)(&span->Record);
            Volatile.Write(ref link->Magic, GuardRecord.LinkMagic);
            Volatile.Write(ref entries[page], PageEntry.OfGuarded(page));
        }

        Volatile.Write(ref span->Record.Magic, GuardRecord.RecordMagic);
        Volatile.Write(ref *entries, PageEntry.OfGuarded(0));
    }

    /// <summary>Takes a span of an arena out of every table: state, records, entries, in this order. Nobody finds it afterwards.</summary>
    public static void Unlink(GuardedSpan* span)
    {
        nint start = span->Span.Base;
        uint* entries = ArenaHeader.EntryOf(start);
        span->Span.State = SpanState.Dead;
        Volatile.Write(ref span->Record.Magic, 0);
        for (int page = 0; page < span->Span.Pages; page++)
        {
            Volatile.Write(ref GuardRecord.OfPage(start + ((nint)page << PageGeometry.PageShift))->Magic, 0);
            Volatile.Write(ref entries[page], PageEntry.Unused);
        }
    }
}
