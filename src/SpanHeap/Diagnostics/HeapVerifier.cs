using SpanHeap.Caches;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Diagnostics;

/// <summary>
/// Walks all of a heap's metadata and compares what is said twice. Meant for a heap that nobody is using: what changes under its eyes
/// may look wrong.
/// </summary>
internal sealed unsafe class HeapVerifier(HeapCore heap)
{
    private readonly Dictionary<nint, int> _listed = [];
    private readonly HashSet<nint> _parked = [];
    private long _pagesInUse;
    private long _spans;

    /// <exception cref="HeapCorruptionException">Something does not agree; the message has the facts.</exception>
    public static bool Verify(HeapCore heap)
    {
        new HeapVerifier(heap).Run();
        return true;
    }

    internal static HeapCorruptionException Inconsistent(nint address, string fact) =>
        new($"The metadata is inconsistent at 0x{address:x}: {fact}.", address, null);

    internal static void Require(bool holds, nint address, string fact)
    {
        if (!holds)
        {
            throw Inconsistent(address, fact);
        }
    }

    private void Run()
    {
        for (int i = 0; i < heap.Registry.Count; i++)
        {
            VerifyShelves(heap.Registry[i]);
        }

        SpanWalk walk = new(heap, strict: true);
        while (walk.MoveNext())
        {
            VerifySpan(walk.Current);
        }

        _spans += walk.TracedSpans;
        _pagesInUse += walk.TracedPages;
        if (heap.Guard != null)
        {
            GuardVerifier.Verify(heap, walk.GuardedSpans, walk.GuardedPages);
            _spans += walk.GuardedSpans;
            _pagesInUse += walk.GuardedPages;
        }

        ParkedBlocks.Visit(heap, VerifyParked);
        VerifyQuarantine();
        Require(_listed.Count == 0, _listed.Keys.FirstOrDefault(), "a shelf lists a span that no page entry names");
        Require(_pagesInUse == heap.Pages.PagesInUse, 0, $"spans have {_pagesInUse} pages, the page heap has {heap.Pages.PagesInUse} in use");
        Require(_spans == heap.Spans.Count, 0, $"there are {_spans} spans, {heap.Spans.Count} are counted");
        heap.Pages.Verify(VerifyFreePages);
        VerifyHugeBlocks();
    }

    private void VerifyHugeBlocks()
    {
        heap.HugeCache.Visit(block =>
        {
            bool recorded = HugeBlocks.TryFind(block.Address, out HugeBlock found) && found.Address == block.Address && found.Size == block.Size;
            Require(recorded && found.IsKept && found.HeapSerial == heap.Serial, block.Address, "a huge block that is kept for reuse is not recorded as such");
        });
        HugeBlocks.Count(heap.Serial, out _, out nuint live);
        HugeBlocks.CountKept(heap.Serial, out nuint count, out nuint kept);
        Require(count == (nuint)heap.HugeCache.Count, 0, $"{count} huge blocks are recorded as kept for reuse, {heap.HugeCache.Count} are kept");
        Require(kept == heap.HugeCache.Bytes, 0, $"huge blocks that are kept for reuse have {kept} bytes, {heap.HugeCache.Bytes} are counted");
        Require(
            (long)(live + kept) == heap.Arenas.HugeBytes, 0, $"huge blocks have {live + kept} bytes, the limit counts {heap.Arenas.HugeBytes}");
    }

    private static void VerifyStack(ClassStack* stack)
    {
        bool ordered = stack->Base <= stack->Top && stack->Top <= stack->Limit && stack->Limit - stack->Base <= Magazine.Capacity;
        Require(ordered, (nint)stack, $"a stack of {stack->Top - stack->Base} blocks may hold {stack->Limit - stack->Base}");
    }

    private void VerifyShelves(ThreadCache* cache)
    {
        for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.Last; sizeClass++)
        {
            VerifyStack(ThreadCache.Stack(cache, sizeClass));
            VerifyStack(ThreadCache.HiddenStack(cache, sizeClass));
            ClassShelf* shelf = ThreadCache.Shelf(cache, sizeClass);
            int empty = 0;
            Span* previous = null;
            for (Span* span = shelf->Head; span != null; previous = span, span = span->Next)
            {
                Require(span->Previous == previous, (nint)span, "a listed span's neighbour does not name it");
                Require(span->Owner == (nint)cache && span->SizeClass == sizeClass, span->Base, "a span is on the shelf of another owner or class");
                Require(span->Listed && span->FreeSlots > 0, span->Base, "a listed span has no free slot, or does not know that it is listed");
                Require(_listed.TryAdd((nint)span, 0), span->Base, "a span is listed twice");
                empty += span->FreeSlots == span->Slots ? 1 : 0;
            }

            Require(shelf->Tail == previous, (nint)shelf, "a shelf's last span is not its tail");
            Require(shelf->EmptySpans == empty, (nint)shelf, $"a shelf counts {shelf->EmptySpans} empty spans and has {empty}");
        }
    }

    private void VerifySpan(Span* span)
    {
        nint address = span->Base;
        ThreadCache* owner = (ThreadCache*)span->Owner;
        Require(owner != null && owner->HeapSerial == heap.Serial, address, "a span's owner is not of this heap");
        Require(span->Listed == _listed.Remove((nint)span), address, "a span says that it is listed and is not, or the reverse");
        Require(span->Listed || span->FreeSlots == 0, address, "a span with free slots is in no list");
        ref readonly SizeClassInfo info = ref SizeClasses.Info(span->SizeClass);
        bool shaped = span->SizeClass == SizeClasses.None
            ? span->Slots == 1 && span->SlotSize == (nuint)span->Pages << PageGeometry.PageShift
            : span->SlotSize == info.Size && span->Pages == info.Pages && span->Slots == info.Slots;
        Require(shaped, address, $"a span of class {span->SizeClass} has {span->Slots} slots of {span->SlotSize} bytes in {span->Pages} pages");
        VerifyEntries(span, owner->OwnerTag);
        VerifyContents(span);
        int available = AllocBits.CountAvailable(span);
        Require(available == span->FreeSlots, address, $"a span counts {span->FreeSlots} free slots, its alloc bits {available}");
        _pagesInUse += span->Pages;
        _spans++;
    }

    // With full checks: nothing was written behind blocks that live, nor into small ones that are free.
    private void VerifyContents(Span* span)
    {
        for (int slot = 0; heap.HasFullChecks && slot < span->Slots; slot++)
        {
            nint block = span->Base + ((nint)slot * (nint)span->SlotSize);
            nint damage = LiveBits.IsSet(span, slot) ? BlockCanary.FindDamage(block, span->SlotSize)
                : SizeClasses.IsOwnSpan(span->SizeClass) ? 0
                : FreePoison.FindDamage(block, span->SlotSize);
            if (damage != 0 && LiveBits.IsSet(span, slot))
            {
                HeapCore.ThrowOverflow(block, span->SlotSize, damage);
            }

            if (damage != 0)
            {
                ThrowHelper.Misuse(block, MisuseKind.WriteAfterFree);
            }
        }
    }

    private void VerifyQuarantine()
    {
        if (heap.Quarantine is { } quarantine)
        {
            Require(quarantine.IsSound(), 0, "the freed blocks that are kept back have not as many bytes as are counted");
            if (quarantine.FindDamaged() is nint written and not 0)
            {
                ThrowHelper.Misuse(written, MisuseKind.WriteAfterFree);
            }
        }
    }

    private static void VerifyEntries(Span* span, uint ownerTag)
    {
        uint* entries = ArenaHeader.EntryOf(span->Base);
        for (int page = 0; page < span->Pages; page++)
        {
            uint expected = page > 0 && span->Slots == 1 ? PageEntry.OfInside(page) : PageEntry.OfBlocks(ownerTag, page, span->SizeClass);
            Require(entries[page] == expected, span->Base, $"the entry of page {page} is 0x{entries[page]:x} and should be 0x{expected:x}");
        }
    }

    private void VerifyParked(nint block)
    {
        Require(_parked.Add(block), block, "a block is parked twice: it was freed twice");
        uint entry = ArenaMap.Holds(block) ? *ArenaHeader.EntryOf(block) : PageEntry.Unused;
        Require(entry != PageEntry.Unused && !PageEntry.IsInside(entry), block, "a parked address is no block");
        Require(LiveBits.TryFindSlot(block, entry, out Span* span, out int slot), block, "a parked address lies inside a block");
        Require(AllocBits.IsSet(ArenaHeader.AllocBits(span), slot), block, "a parked block is available for a refill");
        Require(!heap.HasFullChecks || !LiveBits.IsSet(span, slot), block, "a parked block is in the hands of the program");
    }

    // Pages that the page heap would hand out hold nothing.
    private static void VerifyFreePages(nint address, int pages)
    {
        uint* entries = ArenaHeader.EntryOf(address);
        for (int page = 0; page < pages; page++)
        {
            Require(entries[page] == PageEntry.Unused, address, $"the free page {page} of a run has the entry 0x{entries[page]:x}");
        }
    }
}
