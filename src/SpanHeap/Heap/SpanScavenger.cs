using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Heap;

/// <summary>
/// Gives back the memory under free slots of spans that are not wholly free, as far as these slots cover system pages. A block that is left in a span
/// then holds back one page, not the whole span. The slots are taken under the lock of the span's owner, their pages are discarded without it, and
/// the slots are then returned like any freed blocks.
/// </summary>
/// <remarks>Thread safe: any number of walks may be in progress. A walk over a bin visits each span once, in steps of bounded length.</remarks>
internal sealed unsafe class SpanScavenger(SpanReturn spanReturn, DiscardBackoff discards, HeapEpoch clock)
{
    // By class, the number of slots that are taken right now. Interlocked.
    private readonly long[] _slotsTaken = new long[SizeClasses.Capacity];

    private long _steps;
    private long _spansLookedAt;

    // The tick when memory that had been given back was found resident; 0 for never. What was given back before that tick no longer counts as such.
    private uint _forgottenAt;

    /// <summary>How many times a cache's lock was taken in order to visit spans.</summary>
    public long Steps => Volatile.Read(ref _steps);

    /// <summary>The number of spans that were visited.</summary>
    public long SpansLookedAt => Volatile.Read(ref _spansLookedAt);

    /// <summary>The number of slots of a class that are taken right now. To the outside they are free.</summary>
    public long SlotsTaken(int sizeClass) => Volatile.Read(ref _slotsTaken[sizeClass]);

    /// <summary>
    /// Notes that memory which had been given back is resident again without a call of the heap, so that everything is given back afresh.
    /// </summary>
    public void Forget() => Volatile.Write(ref _forgottenAt, clock.Now);

    /// <summary>Begins a walk over the spans of a bin, unless there is nothing to do.</summary>
    /// <param name="cache">Any cache of the heap.</param>
    /// <param name="sizeClass">A class of shared spans.</param>
    /// <param name="idleOnly">Whether to consider only spans that no thread has refilled from or returned blocks to since the last such walk.</param>
    /// <param name="walk">The walk, which must stay where it is until it is over.</param>
    /// <returns>Whether the walk is on.</returns>
    public bool Begin(ThreadCache* cache, uint sizeClass, bool idleOnly, ScavengeWalk* walk)
    {
        ClassBin* bin = ThreadCache.Bin(cache, sizeClass);
        if (Volatile.Read(ref *(nint*)&bin->List.First) == 0)
        {
            // A glance without the lock. A span that is missed is found the next time.
            return false;
        }

        cache->Lock.Enter();
        uint forgottenAt = Volatile.Read(ref _forgottenAt);
        bool afresh = bin->ForgottenAt != forgottenAt;
        if (!idleOnly || afresh || !bin->IsSettled)
        {
            ScavengeWalk.Begin(walk, bin);
            walk->IsAfresh = afresh;
            bin->ForgottenAt = forgottenAt;
            if (idleOnly)
            {
                bin->BeginSettling(clock.Now);
            }
        }

        cache->Lock.Exit();
        return walk->IsOn;
    }

    /// <summary>Continues a walk that is on: visits some spans, and gives back memory of at most one.</summary>
    /// <returns>Whether another round should come, because a span was used recently.</returns>
    public bool Step(ThreadCache* cache, bool idleOnly, ScavengeWalk* walk)
    {
        TakenSlots taken = default;
        bool isWorkLeft = false;
        int looks = 0;
        bool mayTry = discards.MayTry;
        cache->Lock.Enter();
        if (!mayTry)
        {
            // The system takes nothing back at the moment. What is left is visited in a later round.
            ScavengeWalk.Abandon(walk);
        }

        while (walk->IsOn && looks < ScavengeWalk.SpansPerStep && taken.Span == null)
        {
            looks++;
            Span* span = ScavengeWalk.Advance(walk);
            if (walk->IsAfresh)
            {
                span->ScavengedSlots = 0;
                span->GivenBack = 0;
            }

            if (!IsWorthwhile(span))
            {
                continue;
            }

            if (idleOnly && span->SeenSlots != span->FreeSlots)
            {
                span->SeenSlots = (ushort)span->FreeSlots;
                ThreadCache.Bin(cache, span->SizeClass)->EndSettling();
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

    /// <summary>Takes all free slots of a listed span. The caller holds the lock of the cache that owns the span.</summary>
    public void Take(ThreadCache* cache, Span* span, ref TakenSlots taken)
    {
        cache->Lock.AssertHeld();
        Invariant.Assert(taken.Span == null && span->Owner == &cache->Owner && span->Listed, "The slots of one span are taken at a time, and it is in its owner's list.");
        ClassBin* bin = ThreadCache.Bin(cache, span->SizeClass);
        taken.Span = span;
        taken.GivenBack = span->GivenBack;
        bin->EmptySpans -= span->FreeSlots == span->Slots ? 1 : 0;
        bin->Remove(span);
        bin->Outstanding += span->FreeSlots;
        Interlocked.Add(ref _slotsTaken[span->SizeClass], span->FreeSlots);
        AllocBits.TakeAll(span, TakenSlots.Words(ref taken));
    }

    /// <summary>Returns the slots to whichever cache owns the span by now. Call without a lock.</summary>
    public void GiveBack(ref TakenSlots taken)
    {
        LockOrder.AssertNoneHeld();

        // The span cannot be released, and its record remains a span, until the slots are returned.
        Span* span = taken.Span;
        int sizeClass = span->SizeClass;
        while (true)
        {
            ThreadCache* owner = ThreadCache.Of(Span.ReadOwner(span));
            InterleavingPoints.At(InterleavingPoint.OwnerRead);
            owner->Lock.Enter();
            bool still = span->Owner == &owner->Owner;
            if (still)
            {
                span->GivenBack = taken.GivenBack;
                int count = spanReturn.GiveBackScavenged(owner, span, TakenSlots.Words(ref taken));
                long left = Interlocked.Add(ref _slotsTaken[sizeClass], -count);
                Invariant.Assert(left >= 0, "No more slots go back than were taken.");
            }

            owner->Lock.Exit();
            if (still)
            {
                return;
            }
        }
    }

    private static bool IsWorthwhile(Span* span) =>
        span->FreeSlots > span->ScavengedSlots && (nuint)span->FreeSlots * span->SlotSize >= OsMemory.PageSize;
}
