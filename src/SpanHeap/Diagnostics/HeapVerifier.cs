using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Blocks;
using SpanHeap.Caches;
using SpanHeap.Checks;
using SpanHeap.Contract;
using SpanHeap.Heap;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Diagnostics;

/// <summary>
/// Walks all metadata of a heap and compares what is recorded twice. Meant for a heap that no thread uses: changes during the walk may be
/// reported as errors.
/// </summary>
internal sealed unsafe class HeapVerifier(HeapCore heap)
{
    private readonly Dictionary<nint, int> _listed = [];
    private readonly HashSet<nint> _parked = [];

    // What the walk over all spans finds, to be compared with the counts: by kind of run, and by owner and class of shared spans.
    private readonly RunCount[] _runs = new RunCount[RunCount.Kinds];
    private readonly Dictionary<(nint Owner, uint SizeClass), long> _taken = [];
    private readonly Dictionary<(nint Owner, uint SizeClass), int> _owned = [];
    private long _pagesInUse;
    private long _spans;

    /// <exception cref="HeapCorruptionException">The metadata is inconsistent; the message contains the facts.</exception>
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

    internal static void Require(bool holds, nint address, [InterpolatedStringHandlerArgument(nameof(holds))] ref LazyMessage fact)
    {
        if (!holds)
        {
            throw Inconsistent(address, fact.Take());
        }
    }

    private void Run()
    {
        for (int i = 0; i < heap.Registry.Count; i++)
        {
            VerifyBins(heap.Registry[i]);
        }

        SpanWalk walk = new(heap);
        while (walk.MoveNext())
        {
            VerifySpan(walk.Current);
        }

        _spans += walk.TracedSpans;
        _pagesInUse += walk.TracedPages;
        _runs[SpanSource.TracedRuns] = new RunCount { Runs = walk.TracedSpans, Pages = walk.TracedPages };
        _runs[SpanSource.GuardedRuns] = new RunCount { Runs = walk.GuardedSpans, Pages = walk.GuardedPages };
        if (heap.Guard != null)
        {
            GuardVerifier.Verify(heap, walk.GuardedSpans, walk.GuardedPages);
            _spans += walk.GuardedSpans;
            _pagesInUse += walk.GuardedPages;
        }

        ParkedBlocks.Visit(heap, VerifyParked);
        VerifyQuarantine();
        Require(_listed.Count == 0, _listed.Keys.FirstOrDefault(), "a bin lists a span that no page entry names");
        Require(_pagesInUse == heap.Pages.PagesInUse, 0, $"spans have {_pagesInUse} pages, the page heap has {heap.Pages.PagesInUse} in use");
        Require(_spans == heap.Spans.Count, 0, $"there are {_spans} spans, {heap.Spans.Count} are counted");
        VerifyCounts();
        heap.Pages.Verify(VerifyFreePages);
        VerifyHugeBlocks();
    }

    // The counts from which statistics are made.
    private void VerifyCounts()
    {
        var counted = new RunCount[RunCount.Kinds];
        heap.Pages.Count(counted);
        for (int kind = 0; kind < counted.Length; kind++)
        {
            Require(
                counted[kind].Runs == _runs[kind].Runs && counted[kind].Pages == _runs[kind].Pages,
                0,
                $"there are {_runs[kind].Runs} spans of kind {kind} with {_runs[kind].Pages} pages, {counted[kind].Runs} with {counted[kind].Pages} are counted");
        }

        for (int i = 0; i < heap.Registry.Count; i++)
        {
            ThreadCache* cache = heap.Registry[i];
            for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.LastShared; sizeClass++)
            {
                long taken = _taken.GetValueOrDefault(((nint)cache, sizeClass));
                long outstanding = ThreadCache.Bin(cache, sizeClass)->Outstanding;
                Require(taken == outstanding, (nint)cache, $"{taken} slots of class {sizeClass} are taken, their cache counts {outstanding}");
                Require(taken == 0 || ThreadCache.HasUsed(cache, sizeClass), (nint)cache, $"a cache does not know that it has used class {sizeClass}");
            }

            VerifyPins(cache);
        }
    }

    // Stacks keep no more from being free than is accounted for.
    private void VerifyPins(ThreadCache* cache)
    {
        long pinned = 0;
        for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.LastShared; sizeClass++)
        {
            int spans = ThreadCache.Bin(cache, sizeClass)->Spans;
            int owned = _owned.GetValueOrDefault(((nint)cache, sizeClass));
            Require(spans == owned, (nint)cache, $"a cache has {owned} spans of class {sizeClass} and counts {spans}");
            ClassStack* stack = ThreadCache.ServingStack(cache, sizeClass, heap.IsHidden);
            long most = Math.Min(stack->Limit - stack->Base, spans);
            Require(!heap.Budget.IsBounded || most <= stack->Pins, (nint)cache, $"a stack of class {sizeClass} may keep {most} spans and counts {stack->Pins}");
            pinned += (long)stack->Pins * SizeClasses.Info(sizeClass).Pages << PageGeometry.PageShift;
        }

        Require(pinned == cache->PinnedBytes, (nint)cache, $"the stacks of a cache may keep {pinned} bytes of spans, {cache->PinnedBytes} are counted");
    }

    private void VerifyHugeBlocks()
    {
        heap.HugeCache.Visit(block =>
        {
            bool recorded = HugeBlockTable.TryFind(block.Address, out HugeBlock found) && found.Address == block.Address && found.Size == block.Size;
            Require(recorded && found.IsKept && found.HeapSerial == heap.Serial, block.Address, "a huge block that is kept for reuse is not recorded as such");
        });
        HugeBlockTable.Count(heap.Serial, out _, out nuint live);
        HugeBlockTable.CountKept(heap.Serial, out nuint count, out nuint kept);
        Require(count == (nuint)heap.HugeCache.Count, 0, $"{count} huge blocks are recorded as kept for reuse, {heap.HugeCache.Count} are kept");
        Require(kept == heap.HugeCache.Bytes, 0, $"huge blocks that are kept for reuse have {kept} bytes, {heap.HugeCache.Bytes} are counted");
        Require(
            (long)(live + kept) == heap.Limit.HugeBytes, 0, $"huge blocks have {live + kept} bytes, the limit counts {heap.Limit.HugeBytes}");
    }

    private static void VerifyStack(ClassStack* stack)
    {
        bool ordered = stack->Base <= stack->Top && stack->Top <= stack->Limit && stack->Limit - stack->Base <= Magazine.Capacity - stack->Floor;
        Require(ordered, (nint)stack, $"a stack of {stack->Top - stack->Base} blocks may hold {stack->Limit - stack->Base}");
        Require(
            stack->Parked >= 0 && stack->Parked <= stack->Floor, (nint)stack, $"a stack has {stack->Parked} parked blocks in {stack->Floor} places below it");
    }

    private void VerifyBins(ThreadCache* cache)
    {
        VerifyStack(&cache->Gathered);
        for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.Last; sizeClass++)
        {
            VerifyStack(ThreadCache.Stack(cache, sizeClass));
            VerifyStack(ThreadCache.HiddenStack(cache, sizeClass));
            bool open = ThreadCache.Stack(cache, sizeClass)->IsOpen || ThreadCache.HiddenStack(cache, sizeClass)->IsOpen;
            Require(!open || ThreadCache.HasUsed(cache, sizeClass), (nint)cache, $"a cache does not know that it has used class {sizeClass}");
            ClassBin* bin = ThreadCache.Bin(cache, sizeClass);
            int empty = 0;
            Span* previous = null;
            for (Span* span = bin->Head; span != null; previous = span, span = span->Next)
            {
                Require(span->Previous == previous, (nint)span, "a listed span's neighbor does not name it");
                Require(span->Owner == &cache->Owner && span->SizeClass == sizeClass, span->Base, "a span is in the bin of another owner or class");
                Require(span->Listed && span->FreeSlots > 0, span->Base, "a listed span has no free slot, or does not know that it is listed");
                Require(_listed.TryAdd((nint)span, 0), span->Base, "a span is listed twice");
                empty += span->FreeSlots == span->Slots ? 1 : 0;
            }

            Require(bin->Tail == previous, (nint)bin, "a bin's last span is not its tail");
            Require(bin->EmptySpans == empty, (nint)bin, $"a bin counts {bin->EmptySpans} empty spans and has {empty}");
        }

        VerifyDepots(cache);
    }

    private static void VerifyDepots(ThreadCache* cache)
    {
        long bytes = 0;
        for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.LastShared; sizeClass++)
        {
            ClassBin* bin = ThreadCache.Bin(cache, sizeClass);
            int blocks = ThreadCache.Stack(cache, sizeClass)->Parked + ThreadCache.HiddenStack(cache, sizeClass)->Parked;
            for (int i = 0; i < bin->DepotCount; i++)
            {
                blocks += (*bin)[i]->Count;
            }

            Require(blocks == bin->DepotBlocks, (nint)bin, $"a depot counts {bin->DepotBlocks} blocks and has {blocks}");
            bytes += (long)blocks * SizeClasses.Info(sizeClass).Size;
        }

        Require(bytes == cache->DepotBytes, (nint)cache, $"the depots of a cache have {bytes} bytes, {cache->DepotBytes} are counted");
    }

    private void VerifySpan(Span* span)
    {
        nint address = span->Base;
        ThreadCache* owner = ThreadCache.Of(span->Owner);
        Require(span->Owner != null && span->Owner->HeapSerial == heap.Serial, address, "a span's owner does not belong to this heap");
        Require(span->Listed == _listed.Remove((nint)span), address, "a span says that it is listed and is not, or the reverse");
        Require(span->Listed || span->FreeSlots == 0, address, "a span with free slots is in no list");
        ref readonly SizeClassInfo info = ref SizeClasses.Info(span->SizeClass);
        bool shaped = span->SizeClass == SizeClasses.None
            ? span->Slots == 1 && span->SlotSize == (nuint)span->Pages << PageGeometry.PageShift
            : span->SlotSize == info.Size && span->Pages == info.Pages && span->Slots == info.Slots;
        Require(shaped, address, $"a span of class {span->SizeClass} has {span->Slots} slots of {span->SlotSize} bytes in {span->Pages} pages");
        VerifyEntries(span, owner->Owner.Tag);
        VerifyContents(span);
        int available = AllocBits.CountAvailable(span);
        Require(available == span->FreeSlots, address, $"a span counts {span->FreeSlots} free slots, its alloc bits {available}");
        _pagesInUse += span->Pages;
        _spans++;
        _runs[span->SizeClass].Runs++;
        _runs[span->SizeClass].Pages += span->Pages;
        if (!SizeClasses.IsOwnSpan(span->SizeClass))
        {
            CollectionsMarshal.GetValueRefOrAddDefault(_taken, ((nint)ThreadCache.Of(span->Owner), span->SizeClass), out _) += span->Slots - span->FreeSlots;
            CollectionsMarshal.GetValueRefOrAddDefault(_owned, ((nint)ThreadCache.Of(span->Owner), span->SizeClass), out _)++;
        }
    }

    // With full checks, nothing was written past live blocks, nor into small blocks that are free.
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
                CheckedBlocks.ThrowOverflow(block, span->SlotSize, damage);
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
            Require(quarantine.IsSound(), 0, "the freed blocks that are held back do not have as many bytes as are counted");
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
        Require(entry != PageEntry.Unused && !PageEntry.IsInside(entry), block, "a parked address is not a block");
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
