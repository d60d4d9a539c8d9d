using System.Numerics;
using SpanHeap.Guard.Sampling;
using SpanHeap.Os;
using SpanHeap.Spans;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Sweeping;

/// <summary>Gives slots to caches, span by span, sweeping as needed, and takes back what they hold.</summary>
/// <remarks>A cache belongs to its thread here, in a scope, or to the collector; <see cref="SweepGeneration"/> says how spans change hands.</remarks>
internal sealed unsafe class TracedRefill(TracedSpanSource spans, Sweeper sweeper, CachedSpans cached, DeadBlockPoison poison, AllocationColor color, Nursery nursery, GuardSampler? sampler)
{
    // The spans examined before a fresh one is made: this bounds both the wait and the memory that may lie unused.
    private const int SweepBudget = 100;

    /// <summary>Fills a cursor without a slot, which is the cache's own; false, with the reason, if pages are lacking.</summary>
    public bool TryRefill(TracedCache* cache, uint spanClass, uint generation, out PageRefusal refusal)
    {
        Invariant.Assert(TracedCache.HasCursor(cache, spanClass), "What all caches share is not written to.");
        refusal = PageRefusal.None;
        AllocCursor* cursor = TracedCache.Cursor(cache, spanClass);
        while (true)
        {
            if (cursor->IsSampleNext && TryTakeGuarded(cache, cursor, spanClass, generation))
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

            }

            if (nursery.TryAdvance(cache, spanClass, generation))
            {
                continue;
            }

            if (cursor->Span != null)
            {
                Uncache(cursor, generation);
            }

            TracedSpan* span = TakeSpan(spanClass, generation, out refusal);
            if (span == null)
            {
                return false;
            }

            Cache(cursor, span, generation);
        }
    }

    /// <summary>Whether a large block belongs to the guarded sample.</summary>
    public bool IsLargeInSample(TracedCache* cache)
    {
        if (sampler == null || cache->UntilSample-- > 0)
        {
            return false;
        }

        cache->UntilSample = sampler.Draw();
        return true;
    }

    /// <summary>Takes back what a cache holds: unused slots become free, and spans go to their sets, after a sweep if they are stale.</summary>
    public void Flush(TracedCache* cache, uint generation)
    {
        bool stale = cache->Generation != generation;
        nursery.Leave(cache, generation);
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
                // These slots were taken but never used; they are not blocks that died.
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

    // Takes the block that the draw selected, in a span of one slot, if the sample's budget has room. Other threads find what is left of the
    // cursor's span in its set.
    private bool TryTakeGuarded(TracedCache* cache, AllocCursor* cursor, uint spanClass, uint generation)
    {
        cursor->IsSampleNext = false;
        TracedSpan* span = poison.ApplyToFresh(spans.TryCreate(spanClass, 0, generation, guarded: true, out _, out _));
        if (span == null)
        {
            // The block goes unguarded: it is the next slot left in its word. The new draw counts from it on.
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

    // False if the span has no slot left, or the next one is sampled.
    private bool TryTakeWord(TracedCache* cache, AllocCursor* cursor, uint generation)
    {
        TracedSpan* span = cursor->Span;
        uint bitmap = SweepGeneration.AllocBitmap(generation);
        int words = TracedSlots.Words(span);
        for (int word = cursor->NextWord; word < words; word++)
        {
            ulong free = TracedSlots.Starts(span, word) & ~*TracedSlots.Word(span, word, bitmap);
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

    // The slots before the one that the draw selected. Slots are counted when they are taken, so that the fast path counts nothing. A draw for
    // slots that a flush takes back unused is forgotten: draws are independent, so every block has the same chance.
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

    private void Take(TracedCache* cache, AllocCursor* cursor, int word, ulong slots, uint generation)
    {
        TracedSpan* span = cursor->Span;
        int count = BitOperations.PopCount(slots);
        *TracedSlots.Word(span, word, SweepGeneration.AllocBitmap(generation)) |= slots;
        color.Apply(TracedSlots.AddressOf(span, word), slots, generation);
        span->Allocated += count;
        long bytes = count * (long)span->Span.SlotSize;
        if (span->Nursery == null)
        {
            cache->BytesTaken += bytes;
        }
        else
        {
            cache->Nursery.Bytes += bytes;
            cache->Nursery.IsUsed = true;
        }

        cursor->Free = slots;
        cursor->Base = TracedSlots.AddressOf(span, word);
        cursor->NextWord = word + 1;
    }

    private void GiveBackWord(TracedCache* cache, AllocCursor* cursor, uint generation)
    {
        Invariant.Assert(!color.IsBlack, "While unused slots are marked, none is given back.");
        if (cursor->Free != 0)
        {
            int count = BitOperations.PopCount(cursor->Free);
            *TracedBits.WordOf(cursor->Base, SweepGeneration.AllocBitmap(generation)) &= ~cursor->Free;
            cursor->Span->Allocated -= count;
            cache->BytesTaken -= count * (long)cursor->Span->Span.SlotSize;
        }
    }

    private void Uncache(AllocCursor* cursor, uint generation)
    {
        TracedSpan* span = cursor->Span;
        *cursor = default;
        cached.TakeSwept(span, generation);
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

    // Takes a span with a free slot, which then belongs to the caller; null if pages are lacking.
    private TracedSpan* TakeSpan(uint spanClass, uint generation, out PageRefusal refusal)
    {
        refusal = PageRefusal.None;
        TracedSpanSet* set = spans.SetOf(spanClass);
        TracedSpan* span = set->TakeSwept(generation);
        span = span != null ? span : sweeper.SweepForSlots(set, SweepBudget);

        // A span that other threads have added meanwhile; or, with full checks, one that left quarantine to make room for the spans swept.
        span = span != null ? span : set->TakeSwept(generation);
        return span != null ? span : poison.ApplyToFresh(spans.TryCreate(spanClass, 0, generation, guarded: false, out _, out refusal));
    }
}
