using System.Diagnostics;
using System.Numerics;
using SpanHeap.Guarding;
using SpanHeap.Layouts;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Sweeping;

/// <summary>Gives caches slots, span by span, sweeping what it needs on the way; and takes back what they have.</summary>
/// <remarks>A cache is its thread's here, in a scope, or the collector's; spans change hands as <see cref="SweepGeneration"/> says.</remarks>
internal sealed unsafe class TracedRefill(TracedSpanSource spans, Sweeper sweeper, DeadBlockPoison poison, GuardSampler? sampler)
{
    // Spans looked at before a fresh one is made: bounds both the wait and what may lie unused.
    private const int SweepBudget = 100;

    /// <summary>Fills a cursor that has no slot, and that is the cache's own; false, with the reason, when pages are lacking.</summary>
    public bool TryRefill(TracedCache* cache, uint kind, uint generation, out PageRefusal refusal)
    {
        Debug.Assert(TracedCache.HasCursor(cache, kind), "What all caches share is not written to.");
        refusal = PageRefusal.None;
        AllocCursor* cursor = TracedCache.Cursor(cache, kind);
        while (true)
        {
            if (cursor->IsSampleNext && TryTakeGuarded(cache, cursor, kind, generation))
            {
                return true;
            }

            if (cursor->Span != null)
            {
                if (TryTakeWord(cache, cursor, generation))
                {
                    return true;
                }

                if (cursor->IsSampleNext)
                {
                    continue;
                }

                Uncache(cursor, generation);
            }

            TracedSpan* span = TakeSpan(kind, generation, out refusal);
            if (span == null)
            {
                return false;
            }

            Cache(cursor, span, generation);
        }
    }

    /// <summary>Whether a large block is one of the sample that is guarded.</summary>
    public bool IsLargeInSample(TracedCache* cache)
    {
        if (sampler == null || cache->UntilSample-- > 0)
        {
            return false;
        }

        cache->UntilSample = sampler.Draw();
        return true;
    }

    /// <summary>Takes back what a cache has: slots not used become free, spans go to their sets, swept first if they are stale.</summary>
    public void Flush(TracedCache* cache, uint generation)
    {
        bool stale = cache->Generation != generation;
        CursorWalk cursors = new(cache);
        while (cursors.MoveNext())
        {
            AllocCursor* cursor = cursors.Current;
            if (cursor->Span == null)
            {
                continue;
            }

            if (SweepGeneration.Of(cursor->Span) == SweepGeneration.StaleCached(generation))
            {
                // Taken and never used: not blocks that died.
                TracedSpan* span = cursor->Span;
                span->Allocated -= BitOperations.PopCount(cursor->Free);
                *cursor = default;
                sweeper.SweepStaleCached(SweepToken.OfStaleCached(span, generation));
            }
            else
            {
                GiveBackWord(cache, cursor, generation);
                Uncache(cursor, generation);
            }
        }

        cache->Generation = generation;
        if (stale)
        {
            InterleavingPoints.At(InterleavingPoint.CacheFlushed);
            sweeper.NoteFlushed();
        }
    }

    // The block that the draw named, if a sample's budget has room: it has a span of one slot. What the cursor's span still has others
    // find in its set.
    private bool TryTakeGuarded(TracedCache* cache, AllocCursor* cursor, uint kind, uint generation)
    {
        cursor->IsSampleNext = false;
        TracedSpan* span = poison.ApplyToFresh(spans.TryCreate(kind, 0, generation, guarded: true, out _, out _));
        if (span == null)
        {
            // It goes unguarded: the next of what is left of its word. What was drawn since counts from it on.
            cache->UntilSample++;
            cursor->NextWord = Math.Max(0, cursor->NextWord - 1);
            return false;
        }

        if (cursor->Span != null)
        {
            Uncache(cursor, generation);
        }

        Cache(cursor, span, generation);
        Take(cache, cursor, 0, TracedSlots.Starts(span, 0), generation);
        return true;
    }

    // False when the span has no slot left, or the next is the sample's.
    private bool TryTakeWord(TracedCache* cache, AllocCursor* cursor, uint generation)
    {
        TracedSpan* span = cursor->Span;
        uint plane = SweepGeneration.AllocPlane(generation);
        int words = TracedSlots.Words(span);
        for (int word = cursor->NextWord; word < words; word++)
        {
            ulong free = TracedSlots.Starts(span, word) & ~*TracedSlots.Word(span, word, plane);
            if (free != 0)
            {
                poison.RequireUntouched(span, word, free);
                cursor->NextWord = word + 1;
                free = UpToSample(cache, cursor, free);
                if (free != 0)
                {
                    Take(cache, cursor, word, free, generation);
                }

                return free != 0;
            }
        }

        return false;
    }

    // The slots before the one that the draw names. Slots are counted as they are taken, so that the fast path counts nothing. What was
    // drawn for slots that a flush takes back unused is forgotten: the next draw has no memory, and every block the same chance.
    private ulong UpToSample(TracedCache* cache, AllocCursor* cursor, ulong free)
    {
        if (sampler == null)
        {
            return free;
        }

        int count = BitOperations.PopCount(free);
        if (count <= cache->UntilSample)
        {
            cache->UntilSample -= count;
            return free;
        }

        ulong before = 0;
        for (; cache->UntilSample > 0; cache->UntilSample--)
        {
            ulong lowest = free & (~free + 1);
            before |= lowest;
            free ^= lowest;
        }

        cursor->IsSampleNext = true;
        cache->UntilSample = sampler.Draw();
        return before;
    }

    private static void Take(TracedCache* cache, AllocCursor* cursor, int word, ulong slots, uint generation)
    {
        TracedSpan* span = cursor->Span;
        int count = BitOperations.PopCount(slots);
        *TracedSlots.Word(span, word, SweepGeneration.AllocPlane(generation)) |= slots;
        span->Allocated += count;
        cache->BytesTaken += count * (long)span->Span.SlotSize;
        cursor->Free = slots;
        cursor->Base = TracedSlots.AddressOf(span, word);
        cursor->NextWord = word + 1;
    }

    private static void GiveBackWord(TracedCache* cache, AllocCursor* cursor, uint generation)
    {
        if (cursor->Free != 0)
        {
            int count = BitOperations.PopCount(cursor->Free);
            *TracedBits.WordOf(cursor->Base, SweepGeneration.AllocPlane(generation)) &= ~cursor->Free;
            cursor->Span->Allocated -= count;
            cache->BytesTaken -= count * (long)cursor->Span->Span.SlotSize;
        }
    }

    private void Uncache(AllocCursor* cursor, uint generation)
    {
        TracedSpan* span = cursor->Span;
        SweepFault.ThrowUnless(SweepGeneration.Of(span) == SweepGeneration.Cached(generation), span, generation, "a cache has");
        *cursor = default;
        Volatile.Write(ref span->SweepGen, generation);
        InterleavingPoints.At(InterleavingPoint.SpanUncached);
        if (span->Allocated == 0)
        {
            // Nothing was ever allocated from it, or all was given back.
            spans.Release(span);
            return;
        }

        spans.SetOf(span->Kind)->AddSwept(span, generation);
    }

    private static void Cache(AllocCursor* cursor, TracedSpan* span, uint generation)
    {
        SweepFault.ThrowUnless(SweepGeneration.Of(span) == generation, span, generation, "is swept");
        InterleavingPoints.At(InterleavingPoint.SpanTaken);
        Volatile.Write(ref span->SweepGen, SweepGeneration.Cached(generation));
        cursor->Span = span;
        cursor->NextWord = 0;
        InterleavingPoints.At(InterleavingPoint.SpanCached);
    }

    // A span with a free slot, nobody else's; null when pages are lacking.
    private TracedSpan* TakeSpan(uint kind, uint generation, out PageRefusal refusal)
    {
        refusal = PageRefusal.None;
        TracedSpanSet* set = spans.SetOf(kind);
        TracedSpan* span = set->TakeSwept(generation);
        span = span != null ? span : sweeper.SweepForSlots(set, SweepBudget);
        return span != null ? span : poison.ApplyToFresh(spans.TryCreate(kind, 0, generation, guarded: false, out _, out refusal));
    }
}
