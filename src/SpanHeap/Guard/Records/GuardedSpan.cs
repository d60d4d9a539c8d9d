using System.Runtime.InteropServices;
using SpanHeap.Guard.Protection;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Guard.Records;

/// <summary>
/// A run of pages with one guarded block: one part is the data of the block, the other is the guard. Its record lies where that of any span
/// lies, or in <see cref="HugeGuards"/>. It has its <see cref="GuardRecord"/> where other spans have their alloc bits.
/// </summary>
/// <remarks>Changed under the lock of <see cref="GuardRecords"/>, or by the one thread that has taken the span out of reach of all others.</remarks>
[StructLayout(LayoutKind.Explicit, Size = 128)]
internal unsafe struct GuardedSpan
{
    /// <summary>The offset of the record, for the fault handler.</summary>
    public const int RecordOffset = 64;

    /// <summary>What all spans have. <see cref="Span.Next"/> leads through the quarantine, from the oldest span on.</summary>
    [FieldOffset(0)]
    public Span Span;

    /// <summary>Whether a thread is copying the block elsewhere and will free it: any other thread takes it for freed already.</summary>
    [FieldOffset(59)]
    public bool IsMoving;

    /// <summary>How its guard is protected. Lies in bytes that a span leaves unused.</summary>
    [FieldOffset(60)]
    public ProtectionForm GuardForm;

    /// <summary>How its data are protected once the block is freed.</summary>
    [FieldOffset(61)]
    public ProtectionForm DataForm;

    /// <summary>Whether the guard lies before the data.</summary>
    [FieldOffset(62)]
    public bool IsGuardFirst;

    /// <summary>Whether its memory is the platform's own, and this a <see cref="HugeGuard"/>.</summary>
    [FieldOffset(63)]
    public bool IsHuge;

    [FieldOffset(RecordOffset)]
    public GuardRecord Record;

    /// <summary>The bytes of the data, whole pages of the system. (A guarded span has one slot, so its count is free for this.)</summary>
    public readonly nuint DataBytes => Span.SlotSize;

    public readonly nuint Bytes => (nuint)Span.Pages << PageGeometry.PageShift;

    /// <summary>Gets the address space that the span takes, in pages.</summary>
    public static long AddressPages(GuardedSpan* span) => span->IsHuge ? ((HugeGuard*)span)->PlatformPages : span->Span.Pages;

    public readonly nint DataStart => IsGuardFirst ? Span.Base + (nint)(Bytes - DataBytes) : Span.Base;

    public readonly nint GuardStart => IsGuardFirst ? Span.Base : Span.Base + (nint)DataBytes;

    public readonly nuint GuardBytes => Bytes - DataBytes;

    /// <summary>Gets the guarded span in which an address lies, from the entry of its page.</summary>
    public static GuardedSpan* Of(nint address, uint entry) => (GuardedSpan*)ArenaHeader.SpanAt(
        (address & -PageGeometry.PageSize) - ((nint)PageEntry.PagesFromFirstOfGuarded(entry) << PageGeometry.PageShift));

    /// <summary>Makes a span of an arena findable: links in the places of the other pages' records, then the entries. All else is written before.</summary>
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

    /// <summary>Takes a span of an arena out of every table: state, records, entries, in this order. No thread finds it afterwards.</summary>
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
