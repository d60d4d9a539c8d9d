using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>Gives the addresses of an arena back, and has them again, each method with one step done wrongly.</summary>
internal sealed unsafe partial class ArenaSource
{
    /// <summary>Gives the addresses of an arena back before it says that it does not have them.</summary>
    internal void MutantGiveBackBeforeEnd()
    {
        ArenaRange* range = _ranges;
        if (Interlocked.CompareExchange(ref _growing, 1, 0) != 0)
        {
            return;
        }

        if (_pages.TryTakeArena(range->First, idleOnly: false, out int pages))
        {
            nuint bytes = (nuint)pages << PageGeometry.PageShift;
            InterleavingPoints.At(InterleavingPoint.ArenaTaken);
            range->End -= (nint)bytes;
            range->Bytes -= bytes;
            _reservedBytes -= (long)bytes;
            _os.ShrinkMap(range->End, bytes);
            InterleavingPoints.At(InterleavingPoint.ArenaUnmapped);
            Volatile.Write(ref ArenaHeader.Descriptor(range->First)->End, range->End);
            Link(range);
        }

        Volatile.Write(ref _growing, 0);
    }

    /// <summary>Gives pages to the page heap before their arena says that it reaches so far.</summary>
    internal void MutantExtendBeforeEnd(int count)
    {
        ArenaRange* previous = null;
        ArenaRange* range = _short;
        for (; range != null && range->Closed > 0; range = range->NextShort)
        {
            previous = range;
        }

        if (range == null || Interlocked.CompareExchange(ref _growing, 1, 0) != 0)
        {
            return;
        }

        nuint more = _space.TryExtend(ref *range, (nuint)count << PageGeometry.PageShift);
        InterleavingPoints.At(InterleavingPoint.ArenaMapped);
        Unlink(range, previous);
        _reservedBytes += (long)more;
        _pages.ExtendArena(range->First, (int)(more >> PageGeometry.PageShift), fresh: true);
        InterleavingPoints.At(InterleavingPoint.ArenaMapped);
        Volatile.Write(ref ArenaHeader.Descriptor(range->First)->End, range->End);
        Volatile.Write(ref _growing, 0);
    }

    /// <summary>Makes what is free at the end of an arena unreadable before the page heap has let it go.</summary>
    internal void MutantCloseBeforeTaken()
    {
        if (Interlocked.CompareExchange(ref _growing, 1, 0) != 0)
        {
            return;
        }

        _pages.CloseEnd(_ranges->First, LeastClosed, out int pages);
        if (pages > 0)
        {
            nuint bytes = (nuint)pages << PageGeometry.PageShift;
            nint start = _ranges->End - (nint)bytes;
            _pages.ExtendArena(_ranges->First, pages, fresh: true, closed: pages);
            _os.Fault(start, bytes);
            InterleavingPoints.At(InterleavingPoint.ArenaTaken);
            _os.Unfault(start, bytes);
        }

        Volatile.Write(ref _growing, 0);
    }
}
