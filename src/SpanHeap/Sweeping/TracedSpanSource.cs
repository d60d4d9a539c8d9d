using System.Runtime.CompilerServices;
using SpanHeap.Guarding;
using SpanHeap.Layouts;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Sweeping;

/// <summary>Makes spans of traced blocks out of free pages, gives them back, and has the set of each kind.</summary>
/// <remarks>Thread safe. A span that is made is its maker's alone; one that is released has been won and swept by the caller.</remarks>
internal sealed unsafe class TracedSpanSource
{
    private readonly PageHeap _pages;
    private readonly ArenaSource _arenas;
    private readonly TracedSpanSet* _sets;

    // Null unless some blocks are to be spans of their own, which fault once they are dead; and whether all are.
    private readonly GuardHeap? _guard;
    private readonly bool _guardsAll;
    private long _count;
    private long _pagesInUse;
    private long _bytesInUse;

    // By whoever makes the first such span, in a scope; read while no thread is in one.
    private bool _hadCustomBlocks;
    private bool _hadCollectableBlocks;

    /// <exception cref="OutOfMemoryException">There is no memory for the sets.</exception>
    public TracedSpanSource(PageHeap pages, ArenaSource arenas, MetadataAllocator metadata, GuardHeap? guard)
    {
        _guard = guard;
        _guardsAll = guard is { GuardsAll: true };
        _pages = pages;
        _arenas = arenas;
        _sets = (TracedSpanSet*)metadata.Allocate((nuint)TracedKinds.Capacity * (nuint)sizeof(TracedSpanSet));
        if (_sets == null)
        {
            ThrowHelper.OutOfMemory("The system has no memory for a heap's traced spans.");
        }
    }

    /// <summary>Traced spans in use.</summary>
    public long Count => Volatile.Read(ref _count);

    /// <summary>Their pages.</summary>
    public long PagesInUse => Volatile.Read(ref _pagesInUse);

    /// <summary>What they count towards the heap's limit.</summary>
    public long BytesInUse => Volatile.Read(ref _bytesInUse);

    /// <summary>
    /// Whether a collection must take back first what caches have taken and not used: interior addresses that trace functions name must
    /// not lead there, and collectable blocks are kept as alloc bits say. No thread is in a scope.
    /// </summary>
    public bool NeedExactBits => _hadCustomBlocks || _hadCollectableBlocks;

    /// <summary>Whether there has been a collectable block. No thread is in a scope.</summary>
    public bool HadCollectableBlocks => _hadCollectableBlocks;

    public TracedSpanSet* SetOf(uint kind) => _sets + kind;

    /// <summary>
    /// A fresh span, swept and in no set; null, with the reason, when no free run is long enough, a limit is reached, or a sample's budget.
    /// All its bits are zero.
    /// </summary>
    /// <param name="kind">The kind of its blocks.</param>
    /// <param name="pageCount">How many pages a large block takes, as <see cref="LargePages"/> has it; else what the class says.</param>
    /// <param name="state">The span's generation: the heap's, or that of a span that is given to a cache at once.</param>
    /// <param name="guarded">Whether it is to have one block, which faults once it is dead, even if not all of the heap's do.</param>
    /// <param name="needsZero">Whether its pages may have something in them.</param>
    /// <param name="refusal">What stood against it.</param>
    public TracedSpan* TryCreate(uint kind, int pageCount, uint state, bool guarded, out bool needsZero, out PageRefusal refusal)
    {
        needsZero = true;
        bool sampled = guarded && !_guardsAll;
        ref readonly SizeClassInfo info = ref SizeClasses.Info(TracedKinds.Info(kind)->SizeClass);
        bool large = TracedKinds.Info(kind)->SizeClass == SizeClasses.None;
        guarded = sampled || (_guardsAll && _guard!.TryAdmitOfAll(large ? pageCount : PagesOf(info, guarded: true)));
        int pages = large ? pageCount : PagesOf(info, guarded);
        if (sampled && !_guard!.TryAdmit())
        {
            refusal = PageRefusal.Guards;
            return null;
        }

        long charge = ChargeOf(pages, large ? (nuint)pages << PageGeometry.PageShift : (nuint)info.Size, guarded);
        refusal = TryTakePages(pages, charge, guarded, out PageRun run);
        if (sampled && refusal == PageRefusal.NoRun && TryGrow(pages))
        {
            // The caller does not ask for a sample's block again: it would be one without a guard.
            refusal = TryTakePages(pages, charge, guarded, out run);
        }

        if (refusal != PageRefusal.None)
        {
            if (sampled)
            {
                _guard!.Dismiss();
            }

            return null;
        }

        if (_guardsAll && !guarded)
        {
            _guard!.NoteUnguarded("its heap has a limit and guards as many pages as that");
        }

        InterleavingPoints.At(InterleavingPoint.SpanPagesTaken);
        needsZero = run.NeedsZero;
        Interlocked.Increment(ref _count);
        Interlocked.Add(ref _pagesInUse, run.Pages);
        Interlocked.Add(ref _bytesInUse, charge);
        TracedSpan* span = (TracedSpan*)ArenaHeader.SpanAt(run.Address);
        span->Span.Next = span->Span.Previous = null;
        span->Span.Base = run.Address;
        span->Span.SlotSize = large ? run.Bytes : info.Size;
        span->Span.Pages = run.Pages;
        span->Span.Slots = large ? 1 : SlotsOf(info, guarded);
        span->Span.FreeSlots = 0;
        span->Span.HollowSlots = 0;
        span->Span.Owner = 0;
        span->Span.SizeClass = TracedKinds.Info(kind)->SizeClass;
        span->Span.Listed = false;
        span->Kind = kind;
        span->IsGuarded = guarded;
        NoteForm(TracedKinds.Info(kind)->Form);
        span->Allocated = 0;
        Volatile.Write(ref span->SweepGen, state);
        span->Span.State = SpanState.Traced;
        InterleavingPoints.At(InterleavingPoint.SpanRecordWritten);
        WriteEntries(span);
        return span;
    }

    private PageRefusal TryTakePages(int count, long charge, bool guarded, out PageRun run) => guarded
        ? _arenas.TryAllocateGuarded(count, _pages.Geometry.PagesPerSystemPage, (nuint)charge, out run)
        : _arenas.TryAllocate(count, 1, room: 0, out run);

    /// <summary>Pages of a span of blocks of a class.</summary>
    public int PagesOf(in SizeClassInfo info, bool guarded) =>
        guarded ? WholeSystemPages((int)PageGeometry.PagesFor((nuint)info.Size)) : info.Pages;

    /// <summary>Slots of a span of blocks of a class.</summary>
    public static int SlotsOf(in SizeClassInfo info, bool guarded) =>
        guarded ? 1 : (int)(((nuint)info.Pages << PageGeometry.PageShift) / (nuint)info.Size);

    /// <summary>What a span counts towards the heap's limit.</summary>
    public long ChargeOf(TracedSpan* span) => ChargeOf(span->Span.Pages, span->Span.SlotSize, span->IsGuarded);

    // Towards the limit: what the block was asked for, of a sample's nothing, as there is its budget.
    private long ChargeOf(int pageCount, nuint slotSize, bool guarded) =>
        !guarded ? (long)pageCount << PageGeometry.PageShift : _guardsAll || slotSize > SizeClasses.MaxSharedSize ? (long)slotSize : 0;

    // What is protected when a span dies are pages of the system, and no neighbour may lie in one.
    private int WholeSystemPages(int pageCount)
    {
        int unit = _pages.Geometry.PagesPerSystemPage;
        return (pageCount + unit - 1) / unit * unit;
    }

    /// <summary>Gives the pages of a span back: all its bits are zero, and nobody else can have it.</summary>
    public void Release(TracedSpan* span)
    {
        // Entries first: once the pages are free they may be another span's, and so may the record.
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
            _arenas.CountGuarded(-charge);
            _guard!.Quarantine(address, count);
        }
        else
        {
            _pages.Free(address, count);
        }
    }

    /// <summary>Pages of a large block: in a heap with guards whole pages of the system.</summary>
    public int LargePages(int pageCount) => _guard != null ? WholeSystemPages(pageCount) : pageCount;

    /// <summary>Adds pages to the page heap, because a free run was lacking. Call without a lock.</summary>
    /// <param name="pageCount">Pages of the span that could not be made.</param>
    public bool TryGrow(int pageCount) => _arenas.TryGrow(LargePages(pageCount), _guard != null ? _pages.Geometry.PagesPerSystemPage : 1);

    /// <summary>Whether the limit allows a block; a guarded one counts its slot alone.</summary>
    public bool IsWithinLimit(int pageCount, nuint slotSize) =>
        _guardsAll && _arenas.HasRoomForGuarded(pageCount) ? _arenas.IsWithinLimit(slotSize) : _arenas.IsWithinLimit(pageCount);

    // Written as true only: a thread that makes another kind of span at the same time must not take it back.
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
            Volatile.Write(ref entries[page], span->Span.Slots == 1 ? PageEntry.OfInside(page) : PageEntry.OfTraced(page, span->Kind));
        }

        Volatile.Write(ref *entries, PageEntry.OfTraced(0, span->Kind));
    }
}
