using System.Diagnostics;
using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>
/// Makes spans out of free pages and gives them back: between the page heap, which knows no blocks, and the caches, which know no
/// arenas.
/// </summary>
/// <remarks>
/// Thread safe. Making and releasing need no lock but the page heap's, because a span's pages belong to the caller alone before the
/// first and after the second. A heap without a free run is grown by <see cref="ArenaSource"/>, never from here: growing asks the
/// system, and callers hold locks.
/// </remarks>
internal sealed unsafe class SpanSource(PageHeap pages, HeapLimit limit, bool liveBits)
{
    /// <summary>The kind of the runs of traced spans. The runs of a size class have the number of the class as their kind.</summary>
    public const int TracedRuns = SizeClasses.Capacity;

    /// <summary>The kind of the runs of guarded blocks.</summary>
    public const int GuardedRuns = SizeClasses.Capacity + 1;

    /// <summary>Whether spans have live bits, and their free slots must hold the poison. Those of a fresh span do not yet.</summary>
    public bool AreChecked => liveBits;

    /// <summary>The number of spans in use. Each is one run of pages.</summary>
    public long Count => pages.RunsInUse;

    /// <summary>Makes a fresh span of a class, in no list; null, with the reason, when it cannot be had.</summary>
    public Span* TryCreate(uint sizeClass, SpanOwner* owner, int room, out bool needsZero, out PageRefusal refusal)
    {
        ref readonly SizeClassInfo info = ref SizeClasses.Info(sizeClass);
        refusal = limit.TryAllocate(info.Pages, 1, room, out PageRun run, (int)sizeClass);
        if (refusal != PageRefusal.None)
        {
            needsZero = false;
            return null;
        }

        needsZero = run.NeedsZero;
        return Initialize(run, sizeClass, info.Size, info.Slots, owner);
    }

    /// <summary>Makes a fresh span of one block without a class; null, with the reason, when it cannot be had.</summary>
    public Span* TryCreateRun(int pageCount, int alignment, int room, SpanOwner* owner, out bool needsZero, out PageRefusal refusal)
    {
        refusal = limit.TryAllocate(pageCount, alignment, room, out PageRun run, SizeClasses.None);
        if (refusal != PageRefusal.None)
        {
            needsZero = false;
            return null;
        }

        needsZero = run.NeedsZero;
        return Initialize(run, SizeClasses.None, run.Bytes, 1, owner);
    }

    /// <summary>Gives a span's pages back. The caller holds the owner's lock, has unlisted the span, and nothing in it is in use.</summary>
    public void Release(Span* span)
    {
        Invariant.Assert(span->State == SpanState.InUse && span->Owner != null, "A span that is released has an owner, whose lock the caller holds.");
        Invariant.Assert(!span->Listed && span->FreeSlots == span->Slots, "A span that is released is in no list, and all its slots are free.");

        // Entries first: once the pages are free they may be another span's.
        nint address = span->Base;
        int count = span->Pages;
        int kind = span->SizeClass;
        Unsafe.InitBlock(ArenaHeader.EntryOf(address), 0, (uint)count * sizeof(uint));
        span->State = SpanState.Dead;
        Span.WriteOwner(span, null);
        pages.Free(address, count, kind);
    }

    /// <summary>
    /// Makes a one-block span longer or shorter where it is. The caller holds the owner's lock; the new size is that of a class, or of
    /// a run without one.
    /// </summary>
    /// <param name="span">The span.</param>
    /// <param name="newPages">Its pages from now on.</param>
    /// <param name="newClass">The class, or <see cref="SizeClasses.None"/>.</param>
    /// <param name="roomPages">Pages at its end that were not asked for.</param>
    /// <returns>False, and nothing has changed, when the pages after the span are not free.</returns>
    public bool TryResize(Span* span, int newPages, uint newClass, int roomPages)
    {
        Invariant.Assert(span->State == SpanState.InUse && span->Slots == 1 && newPages > 0, "Only a span of one block is resized, and it has pages.");
        int oldPages = span->Pages;
        nint end = PageMath.AddressOf(span->Base, oldPages);
        uint* entries = ArenaHeader.EntryOf(span->Base);
        RunChange change = new(oldPages, span->SizeClass, (int)newClass);
        if (newPages > oldPages)
        {
            if (!limit.TryExtend(end, newPages - oldPages, change))
            {
                return false;
            }

            WriteInside(entries, oldPages, newPages);
        }
        else if (newPages < oldPages)
        {
            Unsafe.InitBlock(entries + newPages, 0, (uint)(oldPages - newPages) * sizeof(uint));
            pages.FreeTail(PageMath.AddressOf(span->Base, newPages), oldPages - newPages, change);
        }
        else if (change.From != change.To)
        {
            pages.Rename(change);
        }

        span->Pages = newPages;
        span->RoomPages = roomPages;
        span->SizeClass = (byte)newClass;
        span->SlotSize = PageMath.BytesOf(newPages);
        Volatile.Write(ref *entries, PageEntry.OfBlocks(span->Owner->Tag, 0, newClass));
        return true;
    }

    /// <summary>Notes that a block, which is a span of its own and the caller's alone, was asked for with so many bytes and has room to grow.</summary>
    public static void NoteRoom(nint block, nuint byteCount)
    {
        Span* span = ArenaHeader.SpanAt(block);
        span->RoomPages = Math.Max(0, span->Pages - (int)PageGeometry.PagesFor(byteCount));
    }

    /// <summary>Bytes of a block, which is a span of its own and the caller's alone, without the room that it was given to grow.</summary>
    public static nuint BytesWithoutRoom(nint block, nuint slotBytes) =>
        slotBytes - Math.Min(slotBytes, (nuint)ArenaHeader.SpanAt(block)->RoomPages << PageGeometry.PageShift);

    /// <summary>Makes a span another owner's. The caller holds the old owner's lock (and the new one's).</summary>
    public static void ChangeOwner(Span* span, SpanOwner* owner)
    {
        Invariant.Assert(!span->Listed, "A span that changes hands is in no list of its owner.");
        Span.WriteOwner(span, owner);
        WriteEntries(span, owner->Tag);
    }

    private Span* Initialize(in PageRun run, uint sizeClass, nuint slotSize, int slots, SpanOwner* owner)
    {
        AssertUnused(run);
        Span* span = ArenaHeader.SpanAt(run.Address);
        span->Next = span->Previous = null;
        span->Base = run.Address;
        span->SlotSize = slotSize;
        span->Pages = run.Pages;
        span->Slots = slots;
        span->ScavengedSlots = span->SeenSlots = 0;
        span->SizeClass = (byte)sizeClass;
        span->State = SpanState.InUse;
        span->Listed = false;
        span->RoomPages = 0;
        InitializeBits(span, slots);
        if (liveBits)
        {
            Unsafe.InitBlock(ArenaHeader.LiveBits(span), 0, (uint)AllocBits.WordsFor(slots) * sizeof(ulong));
        }

        // Published by these, last: a thread that finds an entry finds all of the above.
        Span.WriteOwner(span, owner);
        WriteEntries(span, owner->Tag);
        return span;
    }

    /// <summary>Fails if a page entry names a span on pages that the caller has just taken: no two spans have a page in common.</summary>
    [Conditional("DEBUG")]
    [Conditional("INTERLEAVING")]
    public static void AssertUnused(in PageRun run)
    {
        for (int page = 0; page < run.Pages; page++)
        {
            Invariant.Assert(ArenaHeader.EntryOf(run.Address)[page] == PageEntry.Unused, "No two spans have a page in common.");
        }
    }

    // The block of a one-block span is taken from the start: no refill ever looks for it.
    private static void InitializeBits(Span* span, int slots)
    {
        ulong* bits = ArenaHeader.AllocBits(span);
        if (slots == 1)
        {
            span->FreeSlots = 0;
            *bits = ulong.MaxValue;
            return;
        }

        span->FreeSlots = slots;
        AllocBits.Initialize(bits, slots);
    }

    private static void WriteEntries(Span* span, uint ownerTag)
    {
        uint* entries = ArenaHeader.EntryOf(span->Base);
        if (span->Slots == 1)
        {
            WriteInside(entries, 1, span->Pages);
            Volatile.Write(ref *entries, PageEntry.OfBlocks(ownerTag, 0, span->SizeClass));
            return;
        }

        for (int page = 0; page < span->Pages; page++)
        {
            Volatile.Write(ref entries[page], PageEntry.OfBlocks(ownerTag, page, span->SizeClass));
        }
    }

    // Four at a time: a block of a mebibyte has 127 of them. Plain writes, which the release of the first page's entry follows, or the
    // lock's when a span grows. (Vectors would be faster still, and would be compiled when the first large block is made: a millisecond.)
    private static void WriteInside(uint* entries, int from, int to)
    {
        int page = from;
        ulong pair = PageEntry.OfInside(page) | ((ulong)PageEntry.OfInside(page + 1) << 32);
        for (; page < to - 3; page += 4)
        {
            Unsafe.WriteUnaligned(entries + page, pair);
            Unsafe.WriteUnaligned(entries + page + 2, pair + (2 | (2UL << 32)));
            pair += 4 | (4UL << 32);
        }

        for (; page < to; page++)
        {
            entries[page] = PageEntry.OfInside(page);
        }
    }
}
