using SpanHeap.Caches;
using SpanHeap.Spans;

namespace SpanHeap.Heap;

/// <summary>
/// One round of a heap's maintenance, or all of it at once for a <c>Trim</c> or a request that would fail. It proceeds in bounded steps and knows
/// where it stopped. After each step the heap is in order, whatever happens before the next one.
/// </summary>
/// <remarks>For one thread. Any number of rounds may be in progress in a heap at once.</remarks>
/// <param name="heap">The heap.</param>
/// <param name="idleOnly">Whether to take only what no thread has used for a whole round.</param>
/// <param name="last">The last step to be done.</param>
internal unsafe ref struct MaintenanceRound(MaintainedParts heap, bool idleOnly, MaintenanceStep last)
{
    private const int ThreadsPerStep = 256;
    private const int BlocksPerStep = 256;

    private readonly MaintainedParts _heap = heap;
    private MaintenanceStep _step;

    // The progress in the current part of the round: the number of caches, orphans or threads that were there when it began and are left. (For
    // sleepers: the number that it has passed.)
    private int _left = -1;

    // The same for pages: the address to continue at. (For spans that are held back: the number of the last one that was there.)
    private nint _from;

    // The same for spans: the cache and the class whose spans are being visited.
    private ThreadCache* _cache;
    private uint _class;
    private ScavengeWalk _walk;

    // The number of free pages that are still to be chosen to stay.
    private long _kept;

    /// <summary>Whether to search for free pages that have become resident without the heap.</summary>
    public bool FindsResident { get; init; }

    /// <summary>The number of rounds that would have come since the last one if the heap had not rested.</summary>
    public int Periods { get; init; } = 1;

    /// <summary>Whether to retry pages that the system has refused to take back.</summary>
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
            MaintenanceStep.KeptSpans => ReleaseKeptSpan(),
            MaintenanceStep.Threads => PollThreads(),
            MaintenanceStep.Sleepers => ReclaimStacks(),
            MaintenanceStep.Orphans => DrainOrphan(),
            MaintenanceStep.Outboxes => FlushOutbox(),
            MaintenanceStep.Bins => DrainBins(),
            MaintenanceStep.DeadCaches => GiveBackDeadCache(),
            MaintenanceStep.HugeBlocks => ReleaseHugeBlock(),
            MaintenanceStep.Magazines => GiveBackMagazines(),
            MaintenanceStep.Residency => FindResident(),
            MaintenanceStep.Spans => ScavengeSpans(),
            MaintenanceStep.Retention => KeepPages(),
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

    // In a round of the background, only when no block has come for a whole round.
    private bool ReleaseKeptBack()
    {
        if (_heap.Quarantine is not { } quarantine || (_left < 0 && idleOnly && !quarantine.IsIdle()))
        {
            IsWorkLeft |= _heap.Quarantine is { Bytes: > 0 };
            return false;
        }

        // The place to continue at.
        _left = Math.Max(_left, 0);
        return _heap.Caches.ReleaseKeptBack(ref _left, BlocksPerStep);
    }

    // The same for spans. Those that have come since this part of the round began wait for the next one.
    private bool ReleaseKeptSpan()
    {
        if (_heap.KeptSpans is not { Any: true } kept || (_left < 0 && idleOnly && !kept.IsIdle()))
        {
            IsWorkLeft |= _heap.KeptSpans is { Any: true };
            return false;
        }

        if (_left < 0)
        {
            _left = 0;
            _from = (nint)kept.Newest;
        }

        bool more = kept.ReleaseOldest(newest: _from);
        IsWorkLeft |= !more && kept.Any;
        return more;
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

    // What belonged to a dead thread is out of every thread's reach until it has been drained.
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
            IsWorkLeft |= _heap.Caches.FlushOutbox(cache, idleOnly);
        }

        return _left > 0;
    }

    private bool DrainBins()
    {
        if (NextCache(out ThreadCache* cache))
        {
            _heap.Caches.DrainInbox(cache);
            IsWorkLeft |= _heap.Caches.DrainBins(cache, idleOnly);
        }

        return _left > 0;
    }

    // Some stay because they are worth their memory to new threads, but not when a request would fail for lack of it.
    private bool GiveBackDeadCache()
    {
        if (_left < 0)
        {
            // Passes on what the previous step put into spans, because an orphan that keeps a span is not empty.
            _heap.Orphans.PassOn();
        }

        if (!_heap.Orphans.MayGiveBack || (idleOnly && _heap.Registry.SpareDrained <= 0))
        {
            return false;
        }

        if (NextCache(out ThreadCache* cache))
        {
            _heap.Transit.Begin();
            bool given = _heap.Orphans.TryGiveBack(cache);
            _heap.Transit.End(hasMoved: given);
        }

        return _left > 0;
    }

    private bool ReleaseHugeBlock()
    {
        _left = _left < 0 ? HugeBlockCache.Capacity : _left;
        _heap.Transit.Begin();
        bool any = idleOnly ? _heap.HugeCache.TryReleaseAged(_heap.Clock.Now) : _heap.HugeCache.TryReleaseOldest();
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

    // Memory that was given back and became resident again without a call of the heap becomes free memory like any other.
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
        // With full checks, free slots are full of poison and stay so.
        if (_heap.KeepsFreeSlots || (_cache == null && !_heap.Discards.MayTry))
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
            _class = ThreadCache.NextUsed(_cache, _class);
            if (_class == 0)
            {
                _cache = null;
                return _left > 0;
            }

            _heap.Scavenger.Begin(_cache, _class, idleOnly, walk);
        }

        // Slots whose pages are being discarded are out of reach of any request, so a request that the limit refuses meanwhile is repeated.
        _heap.Transit.Begin();
        IsWorkLeft |= _heap.Scavenger.Step(_cache, idleOnly, walk);
        _heap.Transit.End(hasMoved: true);
        return true;
    }

    // In a round of the background only: a Trim leaves nothing.
    private bool KeepPages()
    {
        if (!idleOnly)
        {
            return false;
        }

        if (_left < 0)
        {
            _left = 0;
            _heap.Retention.BeginRound(Periods);
            _kept = _heap.Retention.Pages;
            IsWorkLeft |= _kept > 0;
        }

        return _heap.Retention.IsActive && _heap.Scavenging.KeepFirst(ref _left, ref _kept, _heap.Retention.IsForOld);
    }

    private bool GiveBackAddresses()
    {
        _heap.Arenas.GiveBackFree(idleOnly);
        return false;
    }

    private bool AgePages()
    {
        bool fresh = false;
        bool more = _heap.Scavenging.AgeFreePages(ref _from, RetriesRefused, _heap.Retention.IsForOld, ref fresh);
        IsWorkLeft |= fresh;
        return more;
    }

    // Caches never leave a heap, so those that were there at first still are. Empty ones are skipped, several of them in one step. False with caches
    // left means that the next step continues the search.
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
