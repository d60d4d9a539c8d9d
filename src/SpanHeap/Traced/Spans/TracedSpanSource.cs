using System.Runtime.CompilerServices;
using SpanHeap.Contract;
using SpanHeap.Guard;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Traced.Layouts;

namespace SpanHeap.Traced.Spans;

/// <summary>Makes spans of traced blocks from free pages, gives them back, and holds the set of each span class.</summary>
/// <remarks>Thread safe. A new span belongs to its maker alone; the caller has won and swept a span that it releases.</remarks>
internal sealed unsafe class TracedSpanSource
{
    private readonly PageHeap _pages;
    private readonly ArenaSource _arenas;
    private readonly HeapLimit _limit;
    private readonly TracedSpanSet* _sets;

    // Null unless some blocks have guarded spans of their own, which fault once the blocks are dead; and whether all blocks do.
    private readonly GuardedBlocks? _guard;
    private readonly bool _guardsAll;
    private long _count;
    private long _pagesInUse;
    private long _bytesInUse;

    // Written by the thread that makes the first such span, in a scope; read while no thread is in one.
    private bool _hadCustomBlocks;
    private bool _hadCollectableBlocks;

    /// <exception cref="OutOfMemoryException">There is no memory for the sets.</exception>
    public TracedSpanSource(PageHeap pages, ArenaSource arenas, HeapLimit limit, MetadataAllocator metadata, GuardedBlocks? guard)
    {
        _guard = guard;
        _guardsAll = guard is { GuardsAll: true };
        _pages = pages;
        _arenas = arenas;
        _limit = limit;
        _sets = (TracedSpanSet*)metadata.Allocate((nuint)SpanClasses.Capacity * (nuint)sizeof(TracedSpanSet));
        if (_sets == null)
        {
            ThrowHelper.OutOfMemory("The system has no memory for a heap's traced spans.");
        }
    }

    /// <summary>The number of traced spans in use.</summary>
    public long Count => Volatile.Read(ref _count);

    /// <summary>The number of pages in traced spans.</summary>
    public long PagesInUse => Volatile.Read(ref _pagesInUse);

    /// <summary>The bytes that traced spans count towards the heap's limit.</summary>
    public long BytesInUse => Volatile.Read(ref _bytesInUse);

    /// <summary>
    /// Whether a collection must first take back what caches have taken but not used: interior addresses from trace functions must not lead there,
    /// and collectable blocks live as alloc bits say. No thread is in a scope.
    /// </summary>
    public bool NeedExactBits => _hadCustomBlocks || _hadCollectableBlocks;

    /// <summary>Whether there has been a collectable block. No thread is in a scope.</summary>
    public bool HadCollectableBlocks => _hadCollectableBlocks;

    public TracedSpanSet* SetOf(uint spanClass) => _sets + spanClass;

    /// <summary>
    /// Makes a fresh span, swept and in no set, with all bits zero; null, with the reason, if no free run is long enough, or a limit or the
    /// sample's budget is reached.
    /// </summary>
    /// <param name="spanClass">The kind of its blocks.</param>
    /// <param name="pageCount">The number of pages of a large block, from <see cref="LargePages"/>; otherwise the class determines it.</param>
    /// <param name="state">The span's generation: the heap's, or that of a cached span if it is given to a cache at once.</param>
    /// <param name="guarded">Whether the span has one guarded block, even if not all blocks of the heap are guarded.</param>
    /// <param name="needsZero">Whether its pages may not be zero.</param>
    /// <param name="refusal">The reason why no span was made.</param>
    public TracedSpan* TryCreate(uint spanClass, int pageCount, uint state, bool guarded, out bool needsZero, out PageRefusal refusal)
    {
        needsZero = true;
        bool sampled = guarded && !_guardsAll;
        ref readonly SizeClassInfo info = ref SizeClasses.Info(SpanClasses.Info(spanClass)->SizeClass);
        bool large = SpanClasses.Info(spanClass)->SizeClass == SizeClasses.None;
        guarded = sampled || (_guardsAll && _guard!.TryMakeRoomForTraced(large ? pageCount : PagesOf(info, guarded: true)));
        int pages = large ? pageCount : PagesOf(info, guarded);
        if (sampled && !_guard!.TryReserveTraced())
        {
            refusal = PageRefusal.Guards;
            return null;
        }

        long charge = ChargeOf(pages, large ? (nuint)pages << PageGeometry.PageShift : (nuint)info.Size, guarded);
        refusal = TryTakePages(pages, charge, guarded, out PageRun run);
        if (sampled && refusal == PageRefusal.NoRun && TryGrow(pages))
        {
            // The caller does not ask for a sampled block again: it would get one without a guard.
            refusal = TryTakePages(pages, charge, guarded, out run);
        }

        if (refusal != PageRefusal.None)
        {
            if (sampled)
            {
                _guard!.ReleaseTraced();
            }

            return null;
        }

        if (_guardsAll && !guarded)
        {
            _guard!.NoteUnguarded("the guarded pages of its heap take as much as the memory limit already");
        }

        InterleavingPoints.At(InterleavingPoint.SpanPagesTaken);
        needsZero = run.NeedsZero;
        Interlocked.Increment(ref _count);
        Interlocked.Add(ref _pagesInUse, run.Pages);
        Interlocked.Add(ref _bytesInUse, charge);
        return WriteRecord(run, spanClass, large ? 1 : SlotsOf(info, guarded), large ? run.Bytes : info.Size, state, guarded);
    }

    // No other thread can have the pages before their entries name the span.
    private TracedSpan* WriteRecord(in PageRun run, uint spanClass, int slots, nuint slotSize, uint state, bool guarded)
    {
        TracedSpan* span = (TracedSpan*)ArenaHeader.SpanAt(run.Address);
        span->Span.Next = span->Span.Previous = null;
        span->Span.Base = run.Address;
        span->Span.SlotSize = slotSize;
        span->Span.Pages = run.Pages;
        span->Span.Slots = slots;
        span->Span.FreeSlots = 0;
        span->Span.ScavengedSlots = 0;
        span->Span.Owner = null;
        span->Span.SizeClass = SpanClasses.Info(spanClass)->SizeClass;
        span->Span.Listed = false;
        span->SpanClass = spanClass;
        span->IsGuarded = guarded;
        span->KeptNumber = 0;
        span->Nursery = null;
        NoteForm(SpanClasses.Info(spanClass)->Form);
        span->Allocated = 0;
        Volatile.Write(ref span->SweepGen, state);
        SpanSource.AssertUnused(run);
        span->Span.State = SpanState.Traced;
        InterleavingPoints.At(InterleavingPoint.SpanRecordWritten);
        WriteEntries(span);
        return span;
    }

    private PageRefusal TryTakePages(int count, long charge, bool guarded, out PageRun run) => guarded
        ? _limit.TryAllocateGuarded(count, _pages.Geometry.PagesPerSystemPage, (nuint)charge, out run, SpanSource.TracedRuns)
        : _limit.TryAllocate(count, 1, room: 0, out run, SpanSource.TracedRuns);

    /// <summary>The number of pages in a span of blocks of a class.</summary>
    public int PagesOf(in SizeClassInfo info, bool guarded) =>
        guarded ? WholeSystemPages((int)PageGeometry.PagesFor((nuint)info.Size)) : info.Pages;

    /// <summary>The number of slots in a span of blocks of a class.</summary>
    public static int SlotsOf(in SizeClassInfo info, bool guarded) =>
        guarded ? 1 : (int)(((nuint)info.Pages << PageGeometry.PageShift) / (nuint)info.Size);

    /// <summary>The bytes that a span counts towards the heap's limit.</summary>
    public long ChargeOf(TracedSpan* span) => ChargeOf(span->Span.Pages, span->Span.SlotSize, span->IsGuarded);

    // A guarded block counts its slot towards the limit; a sampled small block counts nothing, because the sample has a budget.
    private long ChargeOf(int pageCount, nuint slotSize, bool guarded) =>
        !guarded ? (long)pageCount << PageGeometry.PageShift : _guardsAll || slotSize > SizeClasses.MaxSharedSize ? (long)slotSize : 0;

    // When a span dies, whole pages of the system are protected, and no neighbour may lie in one.
    private int WholeSystemPages(int pageCount)
    {
        int unit = _pages.Geometry.PagesPerSystemPage;
        return (pageCount + unit - 1) / unit * unit;
    }

    /// <summary>Gives the pages of a span back. All its bits are zero, and no other thread can have it.</summary>
    public void Release(TracedSpan* span)
    {
        // Entries go first: once the pages are free, they may belong to another span, and so may the record.
        Invariant.Assert(span->Span.State == SpanState.Traced && !span->Span.Listed, "A span that goes is in use, and in no set.");
        nint address = span->Span.Base;
        int count = span->Span.Pages;
        bool guarded = span->IsGuarded;
        long charge = ChargeOf(span);
        Unsafe.InitBlock(ArenaHeader.EntryOf(address), 0, (uint)count * sizeof(uint));
        span->Span.State = SpanState.Dead;
        Interlocked.Decrement(ref _count);
        Interlocked.Add(ref _pagesInUse, -count);
        Interlocked.Add(ref _bytesInUse, -charge);
        InterleavingPoints.At(InterleavingPoint.SpanReleased);
        if (guarded)
        {
            _limit.CountGuarded(-charge);
            _pages.Rename(new RunChange(count, SpanSource.TracedRuns, SpanSource.GuardedRuns));
            _guard!.QuarantineTraced(address, count);
        }
        else
        {
            _pages.Free(address, count, SpanSource.TracedRuns);
        }
    }

    /// <summary>The number of pages of a large block; in a heap with guards, they are whole pages of the system.</summary>
    public int LargePages(int pageCount) => _guard != null ? WholeSystemPages(pageCount) : pageCount;

    /// <summary>Adds pages to the page heap, because no free run was long enough. Called without a lock.</summary>
    /// <param name="pageCount">The number of pages of the span that could not be made.</param>
    public bool TryGrow(int pageCount) => _arenas.TryGrow(LargePages(pageCount), _guard != null ? _pages.Geometry.PagesPerSystemPage : 1);

    /// <summary>Whether the limit allows a block; a guarded one counts its slot alone.</summary>
    public bool IsWithinLimit(int pageCount, nuint slotSize) =>
        _guardsAll && _limit.HasRoomForGuarded(pageCount) ? _limit.IsWithinLimit(slotSize) : _limit.IsWithinLimit(pageCount);

    // Only ever set to true: a thread that makes another kind of span at the same time must not reset it.
    private void NoteForm(TracedForm form)
    {
        if (form == TracedForm.Custom)
        {
            _hadCustomBlocks = true;
        }

        if (form == TracedForm.Collectable)
        {
            _hadCollectableBlocks = true;
        }
    }

    private static void WriteEntries(TracedSpan* span)
    {
        uint* entries = ArenaHeader.EntryOf(span->Span.Base);
        for (int page = 1; page < span->Span.Pages; page++)
        {
            Volatile.Write(ref entries[page], span->Span.Slots == 1 ? PageEntry.OfInside(page) : PageEntry.OfTraced(page, span->SpanClass));
        }

        Volatile.Write(ref *entries, PageEntry.OfTraced(0, span->SpanClass));
    }
}
