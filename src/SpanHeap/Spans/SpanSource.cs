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
internal sealed unsafe class SpanSource(PageHeap pages, ArenaSource arenas)
{
    /// <summary>Spans in use: each is one run of pages.</summary>
    public long Count => pages.RunsInUse;

    /// <summary>A fresh span of a class, in no list; null, with the reason, when it cannot be had.</summary>
    public Span* TryCreate(uint sizeClass, nint owner, uint ownerTag, int room, out bool needsZero, out PageRefusal refusal)
    {
        ref readonly SizeClassInfo info = ref SizeClasses.Info(sizeClass);
        refusal = arenas.TryAllocate(info.Pages, 1, room, out PageRun run);
        if (refusal != PageRefusal.None)
        {
            needsZero = false;
            return null;
        }

        needsZero = run.NeedsZero;
        return Initialize(run, sizeClass, info.Size, info.Slots, owner, ownerTag);
    }

    /// <summary>A fresh span of one block without a class; null, with the reason, when it cannot be had.</summary>
    public Span* TryCreateRun(int pageCount, int alignment, int room, nint owner, uint ownerTag, out bool needsZero, out PageRefusal refusal)
    {
        refusal = arenas.TryAllocate(pageCount, alignment, room, out PageRun run);
        if (refusal != PageRefusal.None)
        {
            needsZero = false;
            return null;
        }

        needsZero = run.NeedsZero;
        return Initialize(run, SizeClasses.None, run.Bytes, 1, owner, ownerTag);
    }

    /// <summary>Gives a span's pages back. The caller holds the owner's lock, has unlisted the span, and nothing in it is in use.</summary>
    public void Release(Span* span)
    {
        // Entries first: once the pages are free they may be another span's.
        nint address = span->Base;
        int count = span->Pages;
        Unsafe.InitBlock(ArenaHeader.EntryOf(address), 0, (uint)count * sizeof(uint));
        span->State = SpanState.Dead;
        Volatile.Write(ref span->Owner, 0);
        pages.Free(address, count);
    }

    /// <summary>
    /// Makes a one-block span longer or shorter where it is. The caller holds the owner's lock; the new size is that of a class, or of
    /// a run without one.
    /// </summary>
    /// <param name="span">The span.</param>
    /// <param name="newPages">Its pages from now on.</param>
    /// <param name="newClass">The class, or <see cref="SizeClasses.None"/>.</param>
    /// <param name="ownerTag">The owner's tag.</param>
    /// <param name="roomPages">Pages at its end that were not asked for.</param>
    /// <returns>False, and nothing has changed, when the pages behind are not free.</returns>
    public bool TryResize(Span* span, int newPages, uint newClass, uint ownerTag, int roomPages)
    {
        int oldPages = span->Pages;
        nint end = span->Base + ((nint)oldPages << PageGeometry.PageShift);
        uint* entries = ArenaHeader.EntryOf(span->Base);
        if (newPages > oldPages)
        {
            if (!arenas.TryExtend(end, newPages - oldPages))
            {
                return false;
            }

            WriteInside(entries, oldPages, newPages);
        }
        else if (newPages < oldPages)
        {
            Unsafe.InitBlock(entries + newPages, 0, (uint)(oldPages - newPages) * sizeof(uint));
            pages.FreeTail(span->Base + ((nint)newPages << PageGeometry.PageShift), oldPages - newPages);
        }

        span->Pages = newPages;
        span->RoomPages = roomPages;
        span->SizeClass = (byte)newClass;
        span->SlotSize = (nuint)newPages << PageGeometry.PageShift;
        Volatile.Write(ref *entries, PageEntry.OfBlocks(ownerTag, 0, newClass));
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
    public static void ChangeOwner(Span* span, nint owner, uint ownerTag)
    {
        Volatile.Write(ref span->Owner, owner);
        WriteEntries(span, ownerTag);
    }

    private Span* Initialize(in PageRun run, uint sizeClass, nuint slotSize, int slots, nint owner, uint ownerTag)
    {
        Span* span = ArenaHeader.SpanAt(run.Address);
        span->Next = span->Previous = null;
        span->Base = run.Address;
        span->SlotSize = slotSize;
        span->Pages = run.Pages;
        span->Slots = slots;
        span->HollowSlots = span->SeenSlots = 0;
        span->SizeClass = (byte)sizeClass;
        span->State = SpanState.InUse;
        span->Listed = false;
        span->RoomPages = 0;
        InitializeBits(span, slots);
        if (arenas.HasLiveBits)
        {
            Unsafe.InitBlock(ArenaHeader.LiveBits(span), 0, (uint)AllocBits.WordsFor(slots) * sizeof(ulong));
            if (!SizeClasses.IsOwnSpan(sizeClass))
            {
                FreePoison.Fill(span->Base, slotSize * (nuint)slots);
            }
        }

        // Published by these, last: whoever finds an entry finds all of the above.
        Volatile.Write(ref span->Owner, owner);
        WriteEntries(span, ownerTag);
        return span;
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
