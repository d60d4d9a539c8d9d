using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// Gives back the memory under free slots of spans that are not wholly free, as far as it covers pages of the system: a block that is left
/// in a span then holds back one page and not the span. The slots are taken under the lock of the span's owner, their pages discarded
/// without it, and then returned like any freed blocks.
/// </summary>
/// <remarks>
/// Thread safe: any number of walks may be under way. A walk over a shelf looks at each span once, in steps of bounded length.
/// </remarks>
internal sealed unsafe class SpanScavenger(BlockReturn blockReturn, DiscardBackoff discards, HeapClock clock)
{
    /// <summary>Spans looked at while a cache's lock is held once.</summary>
    public const int SpansPerStep = 64;

    private long _steps;
    private long _spansLookedAt;

    // The tick when memory was found resident that had been given back; 0 for never. What was given back before it is not any more.
    private uint _forgottenAt;

    /// <summary>How often a cache's lock was taken in order to look at spans.</summary>
    public long Steps => Volatile.Read(ref _steps);

    /// <summary>How many spans were looked at.</summary>
    public long SpansLookedAt => Volatile.Read(ref _spansLookedAt);

    /// <summary>Takes note that memory which had been given back is resident again, by no call of the heap's: all is given back afresh.</summary>
    public void Forget() => Volatile.Write(ref _forgottenAt, clock.Now);

    /// <summary>Begins a walk over the spans of a shelf, unless there is nothing to do.</summary>
    /// <param name="cache">Any cache of the heap.</param>
    /// <param name="sizeClass">A class of shared spans.</param>
    /// <param name="idleOnly">Whether only spans count that nobody has refilled from or returned blocks to since the last such walk.</param>
    /// <param name="walk">The walk, which must stay where it is until it is over.</param>
    /// <returns>Whether the walk is on.</returns>
    public bool Begin(ThreadCache* cache, uint sizeClass, bool idleOnly, ScavengeWalk* walk)
    {
        ClassShelf* shelf = ThreadCache.Shelf(cache, sizeClass);
        if (Volatile.Read(ref *(nint*)&shelf->Head) == 0)
        {
            // A glance without the lock: a span that is missed is found the next time.
            return false;
        }

        cache->Lock.Enter();
        uint forgottenAt = Volatile.Read(ref _forgottenAt);
        bool afresh = shelf->ForgottenAt != forgottenAt;
        if (!idleOnly || afresh || !shelf->IsSettled)
        {
            ScavengeWalk.Begin(walk, shelf);
            walk->IsAfresh = afresh;
            shelf->ForgottenAt = forgottenAt;
            if (idleOnly)
            {
                shelf->BeginSettling(clock.Now);
            }
        }

        cache->Lock.Exit();
        return walk->IsOn;
    }

    /// <summary>Goes on with a walk that is on: looks at some spans, and gives back memory of one at most.</summary>
    /// <returns>Whether another round should come: a span was used lately.</returns>
    public bool Step(ThreadCache* cache, bool idleOnly, ScavengeWalk* walk)
    {
        TakenSlots taken = default;
        bool isWorkLeft = false;
        int looks = 0;
        bool mayTry = discards.MayTry;
        cache->Lock.Enter();
        if (!mayTry)
        {
            // The system takes nothing back at the moment. What is left is looked at in a later round.
            ScavengeWalk.Abandon(walk);
        }

        while (walk->IsOn && looks < SpansPerStep && taken.Span == null)
        {
            looks++;
            Span* span = ScavengeWalk.Advance(walk);
            if (walk->IsAfresh)
            {
                span->HollowSlots = 0;
                span->GivenBack = 0;
            }

            if (!IsWorthwhile(span))
            {
                continue;
            }

            if (idleOnly && span->SeenSlots != span->FreeSlots)
            {
                span->SeenSlots = (ushort)span->FreeSlots;
                ThreadCache.Shelf(cache, span->SizeClass)->EndSettling();
                isWorkLeft = true;
                continue;
            }

            Take(cache, span, ref taken);
        }

        cache->Lock.Exit();
        Interlocked.Increment(ref _steps);
        Interlocked.Add(ref _spansLookedAt, looks);
        if (taken.Span != null)
        {
            InterleavingPoints.At(InterleavingPoint.SlotsTaken);
            taken.Discard(discards);
            InterleavingPoints.At(InterleavingPoint.SlotsDiscarded);
            GiveBack(ref taken);
        }

        return isWorkLeft;
    }

    /// <summary>Takes all free slots of a listed span. The caller holds the lock of the cache, which owns the span.</summary>
    public static void Take(ThreadCache* cache, Span* span, ref TakenSlots taken)
    {
        ClassShelf* shelf = ThreadCache.Shelf(cache, span->SizeClass);
        taken.Span = span;
        taken.GivenBack = span->GivenBack;
        shelf->EmptySpans -= span->FreeSlots == span->Slots ? 1 : 0;
        shelf->Remove(span);
        shelf->Outstanding += span->FreeSlots;
        AllocBits.TakeAll(span, TakenSlots.Words(ref taken));
    }

    /// <summary>Returns the slots to whichever cache owns the span by now. Call without a lock.</summary>
    public void GiveBack(ref TakenSlots taken)
    {
        // The span cannot be released, and its record is a span, as long as the slots are not returned.
        Span* span = taken.Span;
        while (true)
        {
            ThreadCache* owner = (ThreadCache*)Volatile.Read(ref span->Owner);
            InterleavingPoints.At(InterleavingPoint.OwnerRead);
            owner->Lock.Enter();
            bool still = (ThreadCache*)span->Owner == owner;
            if (still)
            {
                span->GivenBack = taken.GivenBack;
                blockReturn.GiveBackHollow(owner, span, TakenSlots.Words(ref taken));
            }

            owner->Lock.Exit();
            if (still)
            {
                return;
            }
        }
    }

    private static bool IsWorthwhile(Span* span) =>
        span->FreeSlots > span->HollowSlots && (nuint)span->FreeSlots * span->SlotSize >= OsMemory.PageSize;
}
