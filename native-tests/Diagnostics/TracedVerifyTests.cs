using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Tests.Support;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;
using static SpanHeap.Tests.Diagnostics.SoundTracedHeap;

namespace SpanHeap.Tests.Diagnostics;

[Unguarded("it damages a span of many blocks")]
public sealed unsafe class TracedVerifyTests : IDisposable
{
    private readonly SoundTracedHeap _sound = new();

    public void Dispose() => _sound.Dispose();

    [Fact]
    public void A_sound_heap_passes() => _sound.Heap.Verify();

    [Fact]
    public void A_block_whose_alloc_bit_is_gone_is_found() => AssertFound("its alloc bits", () => Flip(_sound.List, _sound.Bitmap));

    [Fact]
    public void An_alloc_bit_of_a_free_slot_is_found() => AssertFound("its alloc bits", () => Flip(_sound.Dead, _sound.Bitmap));

    [Fact]
    public void An_alloc_bit_within_a_slot_is_found() => AssertFound("where no slot begins", () => Flip(_sound.List + 16, _sound.Bitmap));

    [Fact]
    public void An_alloc_bit_within_a_large_block_is_found() =>
        AssertFound("where no slot begins", () => Flip(_sound.Large + (PageGeometry.PageSize * 3), _sound.Bitmap));

    [Fact]
    public void A_mark_that_sweeping_left_is_found() => AssertFound("are left in a span that is swept", () => Flip(_sound.List, _sound.Bitmap ^ 1));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_bit_of_a_page_without_blocks_is_found(uint bitmap) =>
        AssertFound("a page without traced blocks has bits", () => Flip(_sound.FreePage + 1024, bitmap));

    [Fact]
    public void A_block_that_a_marker_has_left_waiting_is_found_in_a_page_with_blocks_and_in_one_without()
    {
        AssertFound("blocks of a page wait", () => Flip(_sound.List, TracedBits.Waiting));
        Flip(_sound.List, TracedBits.Waiting);
        AssertFound("blocks of a page wait", () => Flip(_sound.FreePage + 1024, TracedBits.Waiting));
    }

    [Fact]
    public void A_page_that_a_marker_has_left_queued_is_found() =>
        AssertFound("a page is queued", () => *TracedBits.QueuedOf(_sound.List & -PageGeometry.PageSize) = 1);

    [Fact]
    public void A_count_of_slots_that_is_not_that_of_the_bits_is_found() => AssertFound("counts", () => SpanOf(_sound.List)->Allocated++);

    [Fact]
    public void A_sum_of_live_bytes_that_is_not_that_of_the_bits_is_found() =>
        AssertFound("are counted", () => _sound.Heap.Parts.Pacer.NoteTaken(16));

    [Fact]
    public void A_wrong_slot_size_is_found() => AssertFound("slots of 48 bytes", () => SpanOf(_sound.List)->Span.SlotSize = 48);

    [Fact]
    public void A_wrong_number_of_slots_is_found() => AssertFound("slots of", () => SpanOf(_sound.List)->Span.Slots--);

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void A_wrong_number_of_pages_is_found(int more) => AssertFound("pages", () => SpanOf(_sound.Large)->Span.Pages += more);

    [Theory]
    [InlineData(0U)]
    [InlineData(4000U)]
    public void A_span_class_that_is_none_is_found(uint spanClass) => AssertFound("span class", () => SpanOf(_sound.List)->SpanClass = spanClass);

    [Fact]
    public void A_record_that_lies_elsewhere_is_found() => AssertFound("names what is no traced span", () => SpanOf(_sound.List)->Span.Base += PageGeometry.PageSize);

    [Fact]
    public void A_record_that_no_list_has_and_that_lies_elsewhere_is_found() => AssertFound("that does not begin here", () =>
    {
        Unlist(_sound.Array);
        SpanOf(_sound.Array)->Span.Base += PageGeometry.PageSize;
    });

    [Fact]
    public void The_cached_record_that_is_dead_is_found() =>
        AssertFound("a cursor names what is no traced span", () => SpanOf(_sound.Leaf)->Span.State = SpanState.Dead);

    [Fact]
    public void An_entry_of_an_inner_page_that_is_wrong_is_found() =>
        AssertFound("the entry of page 5 is", () => (*ArenaHeader.EntryOf(_sound.Large + (5 * PageGeometry.PageSize)))++);

    [Fact]
    public void An_entry_that_names_another_span_class_is_found() => AssertFound("the entry of page 0 is", () => (*ArenaHeader.EntryOf(SpanOf(_sound.List)->Span.Base))++);

    [Fact]
    public void An_entry_that_is_gone_is_found() =>
        AssertFound("a page without traced blocks has bits", () => *ArenaHeader.EntryOf(SpanOf(_sound.List)->Span.Base) = PageEntry.Unused);

    [Fact]
    public void A_span_whose_sweep_never_ended_is_found() => AssertGenerationFound(_sound.List, SweepGeneration.BeingSwept(_sound.Generation));

    [Fact]
    public void A_span_of_no_generation_is_found() => AssertGenerationFound(_sound.List, 0);

    [Fact]
    public void A_cached_span_that_says_it_is_not_is_found() => AssertGenerationFound(_sound.Leaf, _sound.Generation);

    [Fact]
    public void A_listed_span_that_says_it_is_cached_is_found() => AssertGenerationFound(_sound.Large, SweepGeneration.Cached(_sound.Generation));

    [Fact]
    public void A_swept_span_that_says_it_is_not_is_found() =>
        AssertFound("is in list", () => SpanOf(_sound.Array)->SweepGen = SweepGeneration.Unswept(_sound.Generation));

    [Fact]
    public void A_span_that_forgot_that_it_is_listed_is_found() => AssertFound("does not know that it is", () => SpanOf(_sound.Array)->Span.Listed = false);

    [Fact]
    public void A_span_listed_with_the_full_ones_is_found() => AssertFound("is in list", () =>
    {
        TracedSpan* span = SpanOf(_sound.Array);
        Unlist(_sound.Array);
        span->Allocated = span->Span.Slots;
        _sound.Heap.Parts.Spans.SetOf(span->SpanClass)->AddSwept(span, _sound.Generation);
        span->Allocated = 1;
    });

    [Fact]
    public void A_span_that_no_list_has_is_found() => AssertFound("is in no list and no cache has it", () => Unlist(_sound.Array));

    [Fact]
    public void A_span_in_the_set_of_another_span_class_is_found() => AssertFound("is in the set of span class", () =>
    {
        TracedSpan* span = SpanOf(_sound.Array);
        Unlist(_sound.Array);
        _sound.Heap.Parts.Spans.SetOf(SpanOf(_sound.Large)->SpanClass)->AddSwept(span, _sound.Generation);
    });

    [Fact]
    public void A_span_that_a_cache_lost_is_found() => AssertFound("no cache has it", () => *_sound.LeafCursor = default);

    [Fact]
    public void A_span_that_two_caches_have_is_found() => AssertFound("cached twice", () =>
    {
        TracedCache* first = _sound.Heap.Parts.Caches.Last;
        Support.StressThreads.RunOne(() => _sound.Heap.Enter().Dispose());
        TracedCache* second = _sound.Heap.Parts.Caches.Last;
        Assert.True(first != second);
        uint spanClass = SpanOf(_sound.Leaf)->SpanClass;
        Assert.True(CursorBlock.TryMake(second, spanClass, _sound.Heap.Core.Metadata));
        *TracedCache.Cursor(second, spanClass) = *TracedCache.Cursor(first, spanClass);
    });

    [Fact]
    public void A_cached_slot_that_is_not_allocated_is_found() => AssertFound("a slot that is not allocated", () =>
    {
        Flip(_sound.Leaf, _sound.Bitmap);
        _sound.LeafCursor->Free |= TracedBits.BitOf(_sound.Leaf);
    });

    [Fact]
    public void A_cursor_with_slots_and_no_span_is_found() => AssertFound("slots and no span", () => _sound.LeafCursor->Span = null);

    [Fact]
    public void A_cached_span_that_believes_it_is_listed_is_found() => AssertFound("cached and listed", () => SpanOf(_sound.Leaf)->Span.Listed = true);

    [Fact]
    public void A_span_in_the_cursor_of_another_span_class_is_found() => AssertFound("is in the cursor of span class", () =>
    {
        TracedCache* cache = _sound.Heap.Parts.Caches.Last;
        Assert.True(CursorBlock.TryMake(cache, SpanOf(_sound.List)->SpanClass, _sound.Heap.Core.Metadata));
        *TracedCache.Cursor(cache, SpanOf(_sound.List)->SpanClass) = *_sound.LeafCursor;
        *_sound.LeafCursor = default;
    });

    [Fact]
    public void A_stale_span_in_a_cache_that_is_not_is_found() =>
        AssertFound("a cached traced span has", () => SpanOf(_sound.Leaf)->SweepGen = SweepGeneration.StaleCached(_sound.Generation));

    [Theory]
    [InlineData(-1)]
    [InlineData(1000)]
    public void A_cursor_past_its_spans_words_is_found(int word) => AssertFound("a cursor's next word is", () => _sound.LeafCursor->NextWord = word);

    [Fact]
    public void A_cache_that_left_more_scopes_than_it_entered_is_found()
    {
        AssertFound("counts -1 scopes", () => _sound.Heap.Parts.Caches.Last->Depth = -1);
        // No test can dispose a heap that seems to be in use.
        _sound.Heap.Parts.Caches.Last->Depth = 0;
    }

    [Fact]
    public void A_cursor_that_stands_elsewhere_is_found() => AssertFound("a cursor stands at", () => _sound.LeafCursor->Base += TracedBits.BytesPerWord);

    [Fact]
    public void A_cache_of_another_time_is_found() =>
        AssertFound("a cache of traced slots has the generation", () => _sound.Heap.Parts.Caches.Last->Generation -= 4);

    [Fact]
    public void A_stale_cache_that_was_counted_as_flushed_is_found() =>
        AssertFound("caches of an earlier generation", _sound.Heap.Parts.Sweeper.NoteFlushed);

    [Fact]
    public void A_span_that_sweeping_passed_over_is_found() => AssertFound("nothing left to begin", () =>
    {
        TracedSpan* span = SpanOf(_sound.Array);
        Unlist(_sound.Array);
        Flip(_sound.Array, _sound.Bitmap ^ 1);
        span->SweepGen = SweepGeneration.Unswept(_sound.Generation);
        _sound.Heap.Parts.Spans.SetOf(span->SpanClass)->AddSwept(span, span->SweepGen);
    });

    [Fact]
    public void A_span_that_is_not_counted_is_found() => AssertFound("are counted", () =>
    {
        // Counted as released, and then it is there again.
        TracedSpan* span = SpanOf(_sound.Array);
        TracedSpan before = *span;
        uint* entries = ArenaHeader.EntryOf(before.Span.Base);
        uint[] kept = new System.Span<uint>(entries, before.Span.Pages).ToArray();
        _sound.Heap.Parts.Spans.Release(span);
        kept.CopyTo(new System.Span<uint>(entries, before.Span.Pages));
        *span = before;
    });

    private void Unlist(nint block)
    {
        TracedSpanSet* set = _sound.Heap.Parts.Spans.SetOf(SpanOf(block)->SpanClass);
        List<nint> others = [];
        TracedSpan* span;
        while ((span = set->TakeSwept(_sound.Generation)) != SpanOf(block))
        {
            Assert.True(span != null);
            others.Add((nint)span);
        }

        others.ForEach(other => set->AddSwept((TracedSpan*)other, _sound.Generation));
    }

    private void AssertGenerationFound(nint block, uint generation) =>
        AssertFound($"the generation {generation}", () => SpanOf(block)->SweepGen = generation);

    private void AssertFound(string fact, Action damage)
    {
        _sound.Heap.Verify();
        damage();
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(_sound.Heap.Verify);
        Assert.Contains(fact, error.Message, StringComparison.Ordinal);
        Assert.Contains($"0x{error.Address:x}", error.Message, StringComparison.Ordinal);
    }
}
