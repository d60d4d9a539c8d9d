using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Marking;

/// <summary>
/// Marks what can be reached, page by page: a pointer marks its block, the block waits, and its page is queued. When the turn of a page comes, all of
/// its blocks that wait are looked into together. (The order of the Go runtime's Green Tea collector.) Nothing recurses, and a page is queued once,
/// so depth costs no memory.
/// </summary>
/// <remarks>
/// <para>
/// Belongs to one thread. Unless the marking is concurrent, all threads are out of the heap meanwhile, so blocks do not change and none are made. Other
/// markers, and threads that shade blocks, may mark the same heap at the same time; how they keep out of each other's way is in <see cref="PageMarks"/>.
/// </para>
/// <para>
/// Following a pointer touches bits and no block, and the bits of a whole page fit in one line of the processor's cache. Blocks of a page are read
/// together, after they have been fetched from memory some turns before.
/// </para>
/// </remarks>
/// <param name="queue">What markers of the heap share.</param>
/// <param name="weak">Where arrays of weak entries go.</param>
/// <param name="bitmap">The bitmap that gets the marks.</param>
/// <param name="shared">Whether others mark at the same time.</param>
/// <param name="assists">Whether it is an assistant (<see cref="MarkAssists"/>), which looks at some pages at a time and waits for none.</param>
internal sealed unsafe partial class Marker(MarkQueue queue, WeakArrays weak, uint bitmap, bool shared, bool assists = false)
{
    // The pages that are taken from the queue before their turn, and how many turns before it their blocks are fetched from memory.
    private const uint LookaheadCount = 8;
    private const uint BlockLookahead = 4;

    // The pointers that are found in blocks before their blocks are marked; and those to blocks of the same page that are followed at once.
    private const int FoundCapacity = 512;
    private const int OwnCapacity = 64;

    // The turns between two checks whether another marker has nothing to do.
    private const uint TurnsBetweenSharing = 8;

    private readonly PageMarks _marks = new(bitmap, shared);
    private MarkPages _pages = assists ? MarkPages.OfAssistant(queue) : new(queue);
    private KnownArenas _arenas;

    /// <summary>How often the process's table of arenas was asked, under its lock, which heap an address lies in.</summary>
    public long ArenasAsked { get; private set; }

    /// <summary>The bytes of the slots of the blocks that this marker has looked into.</summary>
    public long BytesMarked { get; private set; }

    /// <summary>Whether there was no memory for a page: all pages with blocks that wait must be queued again.</summary>
    public bool Overflowed { get; set; }

    /// <summary>Takes a pointer to a block, or null.</summary>
    public void Visit(nint block)
    {
        if (block != 0)
        {
            Mark(block);
        }
    }

    /// <summary>Takes any address: one that lies in an allocated block of the heap counts as a pointer to that block, others are ignored.</summary>
    /// <param name="address">The address.</param>
    /// <param name="heapSerial">The serial number of the heap that is marked.</param>
    public void VisitInterior(nint address, ulong heapSerial)
    {
        if (!ArenaMap.IsInArena(address))
        {
            return;
        }

        nint arena = ArenaHeader.ArenaOf(address);
        bool known = _arenas.Contains(arena);
        ArenasAsked += known ? 0 : 1;
        if ((known || ArenaMap.IsInArenaOf(heapSerial, address)) && TracedLookup.TryFindInArena(address, out _, out nint block))
        {
            _arenas.Add(arena);
            Visit(TracedBits.IsSet(block, bitmap ^ 1) ? block : 0);
        }
    }

    /// <summary>Takes an array of weak entries, whose references are not followed before everything else is marked.</summary>
    public void VisitWeakArray(nint array) => weak.Add(array);

    /// <summary>Queues a page if blocks of it wait, because there was no memory to queue it before.</summary>
    /// <returns>Whether any block waits.</returns>
    public bool VisitAgain(nint page)
    {
        if (!PageMarks.AnyWaiting(page))
        {
            return false;
        }

        Queue(page);
        return true;
    }

    /// <inheritdoc cref="MarkPages.TryBegin"/>
    public bool TryBegin() => _pages.TryBegin();

    /// <inheritdoc cref="MarkPages.GiveAll"/>
    public void GiveAll() => _pages.GiveAll();

    /// <summary>Looks at all pages that wait, until nothing is left anywhere, or at so many.</summary>
    /// <returns>Whether nothing is left; of an assistant, whether nothing is left for it.</returns>
    // Compiled with full optimization at once, as its parts are: most of what a program does for long in its first collection is here.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool Drain(uint pages = uint.MaxValue)
    {
        nint* found = stackalloc nint[FoundCapacity + OwnCapacity];
        nint* lookahead = stackalloc nint[(int)LookaheadCount];
        uint first = 0, count = 0, turn = 0;
        while (true)
        {
            while (count < LookaheadCount && _pages.TryTake(out nint next))
            {
                Prefetch(TracedBits.WordOf(next, TracedBits.Waiting));
                Prefetch(TracedBits.WordOf(next, bitmap));
                lookahead[(first + count++) % LookaheadCount] = next;
            }

            if (count == 0)
            {
                if (!_pages.TryRefill())
                {
                    return true;
                }

                continue;
            }

            bool isLong = assists && IsLong(lookahead[first % LookaheadCount]);
            if (turn == pages || isLong)
            {
                PutBack(lookahead, first, count);
                return isLong;
            }

            if (count > BlockLookahead)
            {
                PrefetchBlocks(lookahead[(first + BlockLookahead) % LookaheadCount]);
            }

            nint page = lookahead[first++ % LookaheadCount];
            count--;
            ScanPage(page, found);
            if (turn++ % TurnsBetweenSharing == 0 && shared)
            {
                _pages.Share();
            }
        }
    }

    /// <summary>Gives back what the marker had, when everything is marked or marking is given up.</summary>
    public void Release() => _pages.Release();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(void* address)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(address);
        }
    }

    private static void PrefetchBlocks(nint page)
    {
        ulong* waiting = TracedBits.WordOf(page, TracedBits.Waiting);
        for (int word = 0; word < TracedBits.WordsPerPage; word++)
        {
            for (ulong bits = waiting[word]; bits != 0; bits &= bits - 1)
            {
                Prefetch((void*)AddressOf(page, word, bits));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint AddressOf(nint page, int word, ulong bits) =>
        page + ((nint)word * TracedBits.BytesPerWord) + (BitOperations.TrailingZeroCount(bits) * TracedBits.Granule);

    // Looking into a large block with pointers takes longer than a thread should assist.
    private static bool IsLong(nint page)
    {
        SpanClassInfo* spanClass = SpanClasses.Info(PageEntry.SpanClass(*ArenaHeader.EntryOf(page)));
        return spanClass->SlotBytes == 0 && spanClass->Form > TracedForm.Collectable;
    }

    // The page is this marker's. The entry of a page says the span class of the blocks that begin there.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void ScanPage(nint page, nint* found)
    {
        SpanClassInfo* spanClass = SpanClasses.Info(PageEntry.SpanClass(*ArenaHeader.EntryOf(page)));
        ulong* waiting = TracedBits.WordOf(page, TracedBits.Waiting);

        // If weak entries wait for their keys, each block is looked at by itself: it may be one.
        bool watches = !assists && weak.IsWatching;
        bool hasFields = spanClass->Form == TracedForm.Fields && spanClass->AllPointers == null && !watches;
        long blocks = 0;
        do
        {
            for (int word = 0; word < TracedBits.WordsPerPage; word++)
            {
                ulong bits = _marks.TakeWaiting(waiting + word);
                if (bits != 0)
                {
                    TellOf(page, word, watches ? bits : 0);
                    blocks += hasFields ? FollowFields(page, word, bits, spanClass->FirstPointers, found) : ScanWord(page, word, bits, spanClass, found);
                }
            }
        }
        while (!_marks.TryLeave(page));

        // A large block has a span of its own, whose record says how long it is.
        BytesMarked += blocks * (spanClass->SlotBytes != 0 ? spanClass->SlotBytes : (long)ArenaHeader.SpanAt(page)->SlotSize);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void TellOf(nint page, int word, ulong bits)
    {
        for (; bits != 0; bits &= bits - 1)
        {
            weak.MarkValuesOf(AddressOf(page, word, bits), this);
        }
    }

    // Looks into blocks, and at once into those of the same page that they refer to, or lists and trees would come back to each page many times. Returns
    // the number of blocks.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int FollowFields(nint page, int word, ulong bits, ulong pattern, nint* found)
    {
        nint* own = found + FoundCapacity;
        nint* ownTop = own;
        nint* top = found;
        int blocks = 0;
        while (true)
        {
            nint block;
            if (ownTop != own)
            {
                block = *--ownTop;
            }
            else if (bits != 0)
            {
                block = AddressOf(page, word, bits);
                bits &= bits - 1;
            }
            else
            {
                break;
            }

            blocks++;
            if (top - found > FoundCapacity - SpanClassInfo.WordsInline)
            {
                MarkAll(found, top);
                top = found;
            }

            for (ulong rest = pattern; rest != 0; rest &= rest - 1)
            {
                nint pointer = ((nint*)block)[BitOperations.TrailingZeroCount(rest)];
                if ((nuint)(pointer - page) >= PageGeometry.PageSize || ownTop - own == OwnCapacity)
                {
                    top = BlockPointers.Add(top, pointer);
                }
                else if (_marks.TryMark(pointer))
                {
                    *ownTop++ = pointer;
                }
            }
        }

        MarkAll(found, top);
        return blocks;
    }

    private int ScanWord(nint page, int word, ulong bits, SpanClassInfo* spanClass, nint* found)
    {
        for (ulong rest = spanClass->Form > TracedForm.Collectable ? bits : 0; rest != 0; rest &= rest - 1)
        {
            ScanBlock(AddressOf(page, word, rest), spanClass, found);
        }

        return BitOperations.PopCount(bits);
    }

    private void ScanBlock(nint block, SpanClassInfo* spanClass, nint* found)
    {
        switch (spanClass->Form)
        {
            case TracedForm.Fields:
                MarkAll(found, CollectPattern(found, block, spanClass, found));
                break;
            case TracedForm.References:
                MarkReferences(block, found);
                break;
            case TracedForm.Elements:
                MarkElements(block, spanClass, found);
                break;
            case TracedForm.Custom:
                CustomTracing.Run(this, block, spanClass->Trace, bitmap ^ 1);
                break;
            case TracedForm.WeakEntries:
                weak.Add(block);
                break;
        }
    }

    // Adds the pointers to those that have been found and not marked yet, and returns the place after the last of them.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private nint* CollectPattern(nint* top, nint start, SpanClassInfo* spanClass, nint* found)
    {
        for (int word = 0; word == 0 || (spanClass->AllPointers != null && word < (spanClass->PatternWords + 63) / 64); word++)
        {
            if (top - found > FoundCapacity - SpanClassInfo.WordsInline)
            {
                MarkAll(found, top);
                top = found;
            }

            top = BlockPointers.Collect(top, (nint*)start + (word * 64), word == 0 ? spanClass->FirstPointers : spanClass->AllPointers[word]);
        }

        return top;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MarkReferences(nint block, nint* found)
    {
        nint* elements = (nint*)(block + SpanClassInfo.ArrayHeaderBytes);
        long length = *(long*)block;
        for (long from = 0; from < length; from += FoundCapacity)
        {
            MarkAll(found, BlockPointers.Collect(found, elements + from, (int)Math.Min(FoundCapacity, length - from)));
            ShareWithin();
        }
    }

    private void MarkElements(nint block, SpanClassInfo* spanClass, nint* found)
    {
        nint* top = found;
        nint element = block + SpanClassInfo.ArrayHeaderBytes;
        for (long left = *(long*)block; left > 0; left--)
        {
            top = CollectPattern(top, element, spanClass, found);
            element += (nint)spanClass->ElementBytes;
            if (left % FoundCapacity == 0)
            {
                ShareWithin();
            }
        }

        MarkAll(found, top);
    }

    // A long array keeps its marker busy, and others have what it has found so far.
    private void ShareWithin()
    {
        if (shared)
        {
            _pages.Share();
        }
    }

    // The words of bits are fetched together first.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void MarkAll(nint* found, nint* top)
    {
        for (nint* next = found; next != top; next++)
        {
            Prefetch(TracedBits.WordOf(*next, bitmap));
        }

        for (nint* next = found; next != top; next++)
        {
            Mark(*next);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Mark(nint block)
    {
        if (_marks.TryReach(block))
        {
            Queue(block & -PageGeometry.PageSize);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Queue(nint page)
    {
        if (_marks.TryClaim(page))
        {
            Add(page);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Add(nint page)
    {
        if (!_pages.TryAdd(page))
        {
            // Its blocks wait. No marker has it, so it can be queued again.
            Overflowed = true;
            PageMarks.GiveUp(page);
        }
    }

    private void PutBack(nint* lookahead, uint first, uint count)
    {
        for (; count > 0; count--)
        {
            Add(lookahead[first++ % LookaheadCount]);
        }
    }
}
