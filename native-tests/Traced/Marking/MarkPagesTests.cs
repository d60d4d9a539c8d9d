using SpanHeap.Os;
using SpanHeap.Traced.Marking;

namespace SpanHeap.Tests.Traced.Marking;

/// <summary>The queue of pages of a marker.</summary>
public sealed unsafe class MarkPagesTests : IDisposable
{
    private const int Many = 300_000;

    private readonly OsMemory _os = new();
    private readonly MetadataAllocator _metadata;
    private readonly MarkQueue _queue;

    public MarkPagesTests()
    {
        _metadata = new MetadataAllocator(_os);
        _queue = new MarkQueue(_os, _metadata);
        _queue.Begin(1);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(MarkChunk.Capacity)]
    [InlineData(Many)]
    public void Pages_are_taken_in_the_order_in_which_they_were_added(int count)
    {
        MarkPages pages = new(_queue);
        for (int round = 0; round < 2; round++)
        {
            AddAll(ref pages, count);
            for (int page = 1; page <= count; page++)
            {
                Assert.True(pages.TryTake(out nint taken) && taken == page);
            }

            Assert.False(pages.TryTake(out _));
        }

        Assert.False(pages.TryRefill());
        pages.Release();
    }

    [Fact]
    public void Without_memory_for_a_chunk_a_page_is_refused_and_those_that_were_added_are_taken()
    {
        MarkPages pages = new(_queue);
        _os.FailAfter(0);
        int added = 0;
        while (pages.TryAdd(added + 1))
        {
            added++;
        }

        _os.FailAfter(-1);
        Assert.InRange(added, MarkChunk.Capacity, Many);
        for (int page = 1; page <= added; page++)
        {
            Assert.True(pages.TryTake(out nint taken) && taken == page);
        }

        Assert.False(pages.TryTake(out _));
        pages.Release();
    }

    [Fact]
    public void A_chunk_is_given_to_a_marker_that_waits_and_the_other_keeps_the_rest()
    {
        _queue.Begin(2);
        HashSet<nint> taken = [];
        using ManualResetEventSlim given = new();
        Thread other = StartOther(taken, given);
        MarkPages mine = new(_queue);
        AddAll(ref mine, 3 * MarkChunk.Capacity);
        while (!_queue.IsWanted)
        {
            Thread.Yield();
        }

        mine.Share();
        given.Wait();
        HashSet<nint> own = [];
        TakeAll(ref mine, own);
        Assert.Equal(2 * MarkChunk.Capacity, own.Count);
        Assert.False(mine.TryRefill());
        other.Join();

        Assert.Equal(MarkChunk.Capacity, taken.Count);
        Assert.Equal(3 * MarkChunk.Capacity, own.Union(taken).Count());
        mine.Release();
    }

    [Fact]
    public void Half_of_the_pages_that_are_about_to_be_taken_are_given_where_there_are_no_others()
    {
        const int Count = 400;
        _queue.Begin(2);
        MarkPages mine = new(_queue);
        AddAll(ref mine, Count);
        Assert.True(mine.TryTake(out _));
        HashSet<nint> taken = [];
        using ManualResetEventSlim given = new();
        Thread other = StartOther(taken, given);
        while (!_queue.IsWanted)
        {
            Thread.Yield();
        }

        mine.Share();
        HashSet<nint> own = [];
        do
        {
            TakeAll(ref mine, own);
        }
        while (mine.TryRefill());
        other.Join();

        Assert.InRange(own.Count, Count / 2, Count - 1);
        Assert.Equal(Count - 1, own.Union(taken).Count());
        Assert.Equal(Count - 1, own.Count + taken.Count);
        mine.Release();
    }

    [Theory]
    [InlineData(MarkChunk.Capacity, 10, 10, 1)]
    [InlineData(MarkChunk.Capacity, 10, 11, 2)]
    [InlineData(MarkChunk.Capacity, MarkChunk.Capacity, 0, 0)]
    [InlineData(5, 0, 2 * MarkChunk.Capacity, 3)]
    public void An_assistant_gives_back_all_that_it_has_in_few_chunks(int given, int taken, int added, int chunks)
    {
        MarkPages assistant = MarkPages.OfAssistant(_queue);
        Assert.False(assistant.TryBegin());
        Give(given);
        Assert.True(assistant.TryBegin());
        for (int page = 1; page <= taken; page++)
        {
            Assert.True(assistant.TryTake(out nint first) && first == page);
        }

        for (int page = given + 1; page <= given + added; page++)
        {
            Assert.True(assistant.TryAdd(page));
        }

        assistant.GiveAll();

        List<nint> left = [];
        MarkChunk* chunk;
        for (; (chunk = _queue.TryTake()) != null; chunks--)
        {
            left.AddRange(new ReadOnlySpan<nint>(MarkChunk.Entries(chunk), (int)chunk->Count));
            _queue.Chunks.Give(chunk);
        }

        Assert.Equal(0, chunks);
        Assert.Equal(Enumerable.Range(taken + 1, given - taken + added), left.Order().Select(static page => (int)page));
    }

    [Fact]
    public void An_assistant_without_memory_for_a_chunk_leaves_what_was_given()
    {
        MarkPages assistant = MarkPages.OfAssistant(_queue);
        Give(1);
        List<nint> spare = [];
        _os.FailAfter(0);
        MarkChunk* chunk;
        while ((chunk = _queue.Chunks.Take()) != null)
        {
            spare.Add((nint)chunk);
        }

        Assert.False(assistant.TryBegin());
        _os.FailAfter(-1);
        Assert.True(_queue.HasWork);
        spare.ForEach(each => _queue.Chunks.Give((MarkChunk*)each));
        Assert.True(assistant.TryBegin() && assistant.TryTake(out nint page) && page == 1);
        assistant.Release();
    }

    [Fact]
    public void A_thread_that_finds_no_work_asks_markers_for_some_until_one_gives_it()
    {
        Assert.False(_queue.IsWanted);
        Assert.False(_queue.HasWork);
        Assert.True(_queue.IsWanted);
        Give(1);
        Assert.True(_queue.HasWork && !_queue.IsWanted);
        _queue.Chunks.Give(_queue.TryTake());
        Assert.False(_queue.IsWanted);
    }

    [Fact]
    public void A_queue_that_has_grown_gives_its_memory_back_and_does_not_count_any_more()
    {
        MarkPages pages = new(_queue);
        nuint before = _metadata.UsedBytes;
        long taken = _os.Calls(OsCall.AllocateMetadata);
        long discarded = _os.Calls(OsCall.Discard);
        AddAll(ref pages, Many);
        pages.Release();
        _queue.Chunks.Trim();

        // Of 64 chunks, 64, 128, 256 and so on: all but the first, which is kept. A call for each chunk would be a hundred times as many.
        long pieces = _os.Calls(OsCall.AllocateMetadata) - taken;
        Assert.InRange(pieces, 2, 8);
        Assert.Equal(pieces, _os.Calls(OsCall.Discard) - discarded);
        Assert.InRange(_metadata.UsedBytes, before, before + (64 * MarkChunk.Size));
    }

    public void Dispose()
    {
        _queue.Dispose();
        _metadata.Dispose();
    }

    // Takes what it is given until marking is done, and sets the event when it has been given something.
    private Thread StartOther(HashSet<nint> taken, ManualResetEventSlim given)
    {
        Thread other = new(() =>
        {
            MarkPages pages = new(_queue);
            while (pages.TryRefill())
            {
                given.Set();
                TakeAll(ref pages, taken);
            }

            pages.Release();
        });
        other.Start();
        return other;
    }

    private void Give(int count)
    {
        MarkChunk* chunk = _queue.Chunks.Take();
        for (int page = 1; page <= count; page++)
        {
            MarkChunk.Entries(chunk)[chunk->Count++] = page;
        }

        _queue.Give(chunk);
    }

    private static void AddAll(ref MarkPages pages, int count)
    {
        for (int page = 1; page <= count; page++)
        {
            Assert.True(pages.TryAdd(page));
        }
    }

    private static void TakeAll(ref MarkPages pages, HashSet<nint> taken)
    {
        while (pages.TryTake(out nint page))
        {
            Assert.True(taken.Add(page));
        }
    }
}
