using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// One round of a heap's maintenance, or the whole of it at once for a <c>Trim</c> or a request that would fail. It goes in bounded steps
/// and knows where it stopped; after each the heap is in order, and it does not matter what happens until the next.
/// </summary>
/// <remarks>For one thread; any number of rounds may be under way in a heap together.</remarks>
/// <param name="heap">The heap.</param>
/// <param name="idleOnly">Whether only that is taken which nobody has used for a whole round.</param>
/// <param name="last">The last step to be done.</param>
internal unsafe ref struct MaintenanceRound(HeapCore heap, bool idleOnly, MaintenanceStep last)
{
    private const int ThreadsPerStep = 256;
    private const int BlocksPerStep = 256;

    private readonly HeapCore _heap = heap;
    private MaintenanceStep _step;

    // How far the current part of the round has come: caches, orphans or threads that were there when it began, and are left. (With
    // sleepers: how many it has come by.)
    private int _left = -1;

    // The same for pages: where to look on.
    private nint _from;

    // The same for spans: the cache and the class whose spans are walked over.
    private ThreadCache* _cache;
    private uint _class;
    private ScavengeWalk _walk;

    /// <summary>Whether free pages are looked for that have become resident without the heap.</summary>
    public bool FindsResident { get; init; }

    /// <summary>Whether pages that the system has refused to take back are tried again.</summary>
    public bool RetriesRefused { get; init; }

    /// <summary>Whether another round will have something to do.</summary>
    public bool IsWorkLeft { get; private set; }

    /// <summary>Does the next step.</summary>
    /// <returns>False when the round is over.</returns>
    public bool Step()
    {
        bool more = _step switch
        {
            MaintenanceStep.Quarantine => ReleaseKeptBack(),
            MaintenanceStep.Threads => PollThreads(),
            MaintenanceStep.Sleepers => ReclaimStacks(),
            MaintenanceStep.Orphans => DrainOrphan(),
            MaintenanceStep.Outboxes => FlushOutbox(),
            MaintenanceStep.Shelves => DrainShelves(),
            MaintenanceStep.HugeBlocks => GiveUpHugeBlock(),
            MaintenanceStep.Magazines => GiveBackMagazines(),
            MaintenanceStep.Residency => FindResident(),
            MaintenanceStep.Spans => ScavengeSpans(),
            MaintenanceStep.Pages => _heap.PageScavenger.Scavenge(ref _from, agedOnly: idleOnly),
            MaintenanceStep.Arenas => _heap.PageScavenger.ScavengeRecords(ref _from),
            MaintenanceStep.Addresses => GiveBackAddresses(),
            MaintenanceStep.Aging => AgePages(),
            _ => false,
        };
        if (!more)
        {
            _step++;
            _left = -1;
            _from = 0;
        }

        return _step <= last;
    }

    // By rounds only when no block has come for a whole one.
    private bool ReleaseKeptBack()
    {
        if (_heap.Quarantine is not { } quarantine || (_left < 0 && idleOnly && !quarantine.IsIdle()))
        {
            IsWorkLeft |= _heap.Quarantine is { Bytes: > 0 };
            return false;
        }

        // The place to look on from.
        _left = Math.Max(_left, 0);
        return _heap.ReleaseKeptBack(ref _left, BlocksPerStep);
    }

    private bool PollThreads()
    {
        _left = _left < 0 ? _heap.Registry.Count : _left;
        _heap.Registry.Poll(Math.Min(_left, ThreadsPerStep));
        _left -= ThreadsPerStep;
        return _left > 0;
    }

    private bool ReclaimStacks()
    {
        _left = Math.Max(_left, 0);
        IsWorkLeft |= _heap.Sleepers.ReclaimSome(ref _left, idleOnly);
        return _left < _heap.Registry.Count;
    }

    // What was a dead thread's is in nobody's reach until it has been drained.
    private readonly bool DrainOrphan()
    {
        _heap.Transit.Begin();
        bool more = _heap.Orphans.DrainNext();
        _heap.Transit.End(hasMoved: more);
        return more;
    }

    private bool FlushOutbox()
    {
        if (NextCache(out ThreadCache* cache))
        {
            IsWorkLeft |= _heap.FlushOutbox(cache, idleOnly);
        }

        return _left > 0;
    }

    private bool DrainShelves()
    {
        if (NextCache(out ThreadCache* cache))
        {
            _heap.DrainInbox(cache);
            IsWorkLeft |= _heap.DrainShelves(cache, idleOnly);
        }

        return _left > 0;
    }

    private bool GiveUpHugeBlock()
    {
        _left = _left < 0 ? HugeBlockCache.Capacity : _left;
        _heap.Transit.Begin();
        bool any = idleOnly ? _heap.HugeCache.TryGiveUpAged(_heap.Clock.Now) : _heap.HugeCache.TryGiveUpOldest();
        _heap.Transit.End(hasMoved: any);
        IsWorkLeft |= _heap.HugeCache.Count > 0;
        return any && --_left > 0;
    }

    private bool GiveBackMagazines()
    {
        bool more = _heap.Magazines.TryGiveBack(_heap.Discards, idleOnly, out bool left);
        IsWorkLeft |= left && !more;
        return more;
    }

    // What was given back and is resident again without a call of the heap's becomes free memory like any other.
    private bool FindResident()
    {
        if (!FindsResident)
        {
            return false;
        }

        bool more = _heap.PageScavenger.FindResident(ref _from, out int found);
        if (found > 0)
        {
            _heap.Scavenger.Forget();
        }

        return more;
    }

    private bool ScavengeSpans()
    {
        // With full checks free slots are full of poison, and stay so.
        if (_heap.HasFullChecks || (_cache == null && !_heap.Discards.MayTry))
        {
            return false;
        }

        if (_cache == null && !NextCache(out _cache))
        {
            return _left > 0;
        }

        ScavengeWalk* walk = ScavengeWalk.AddressOf(ref _walk);
        while (!walk->IsOn)
        {
            if (++_class > (uint)SizeClasses.LastShared)
            {
                _class = 0;
                _cache = null;
                return _left > 0;
            }

            _heap.Scavenger.Begin(_cache, _class, idleOnly, walk);
        }

        // Slots whose pages are being discarded are in no request's reach: one that the limit refuses meanwhile is repeated.
        _heap.Transit.Begin();
        IsWorkLeft |= _heap.Scavenger.Step(_cache, idleOnly, walk);
        _heap.Transit.End(hasMoved: true);
        return true;
    }

    private bool GiveBackAddresses()
    {
        _heap.Arenas.GiveBackFree(idleOnly);
        return false;
    }

    private bool AgePages()
    {
        bool fresh = false;
        bool more = _heap.Pages.AgeFreePages(ref _from, RetriesRefused, ref fresh);
        IsWorkLeft |= fresh;
        return more;
    }

    // Caches never leave a heap, so those that were there at first still are. Those with nothing in them are passed by, some of them in one
    // step: false with caches left means that the next step looks on.
    private bool NextCache(out ThreadCache* cache)
    {
        _left = _left < 0 ? _heap.Registry.Count : _left;
        cache = null;
        for (int looks = ThreadsPerStep; _left > 0 && looks > 0; looks--)
        {
            cache = _heap.Registry[--_left];
            if (!Volatile.Read(ref cache->IsGivenBack))
            {
                return true;
            }
        }

        return false;
    }
}
