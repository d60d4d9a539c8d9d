using SpanHeap.Os;
using SpanHeap.Traced.Marking;

namespace SpanHeap.Tests.Traced.Marking;

/// <summary>Chunks of pages to mark come in pieces, and go back in pieces.</summary>
public sealed unsafe class MarkChunksTests : IDisposable
{
    private readonly OsMemory _os = new();
    private readonly MetadataAllocator _metadata;
    private readonly MarkChunks _chunks;

    public MarkChunksTests()
    {
        _metadata = new MetadataAllocator(_os);
        _chunks = new MarkChunks(_os, _metadata);
    }

    public void Dispose()
    {
        _chunks.Dispose();
        Assert.Equal(0u, _metadata.UsedBytes);
        _metadata.Dispose();
    }

    [Fact]
    public void Ten_thousand_chunks_are_asked_for_in_some_tens_of_calls_and_given_back_in_as_many()
    {
        const int Count = 10_000;
        for (int round = 0; round < 2; round++)
        {
            long taken = Calls(OsCall.AllocateMetadata);
            Take(Count);
            long pieces = Calls(OsCall.AllocateMetadata) - taken;
            Assert.InRange(pieces, 10, 20);
            Assert.Equal((nuint)Count * MarkChunk.Size, _metadata.UsedBytes);
            long freed = Calls(OsCall.ReleaseArena);
            long discarded = Calls(OsCall.Discard);
            _chunks.Trim();

            // The first piece stays: it was taken in the first round.
            Assert.Equal(pieces - (round == 0 ? 1 : 0), Calls(OsCall.ReleaseArena) - freed);
            Assert.Equal(Calls(OsCall.ReleaseArena) - freed, Calls(OsCall.Discard) - discarded);
            Assert.Equal(64u * MarkChunk.Size, _metadata.UsedBytes);
        }
    }

    [Fact]
    public void Chunks_that_the_first_piece_holds_ask_nothing_of_the_system_again()
    {
        Take(64);
        _chunks.Trim();
        long calls = _os.TotalCalls;
        Take(64);
        _chunks.Trim();
        Assert.Equal(calls, _os.TotalCalls);
    }

    [Fact]
    public void A_chunk_counts_from_when_it_serves()
    {
        Take(2);
        Assert.Equal(2u * MarkChunk.Size, _metadata.UsedBytes);
        Take(2);
        Assert.Equal(2u * MarkChunk.Size, _metadata.UsedBytes);
    }

    [Fact]
    public void A_larger_piece_that_is_refused_is_asked_for_as_the_least()
    {
        long failures = _os.Failures(OsCall.AllocateMetadata);
        Take(300, static (os, taken) =>
        {
            // The pieces end after 64, 128 and 256.
            if (taken == 128)
            {
                os.FailOnly(0);
            }
        });
        Assert.Equal(failures + 1, _os.Failures(OsCall.AllocateMetadata));
    }

    [Fact]
    public void Without_memory_there_is_no_chunk_and_what_was_given_back_serves()
    {
        MarkChunk* first = _chunks.Take();
        for (int i = 1; i < 64; i++)
        {
            Assert.True(_chunks.Take() != null);
        }

        _os.FailAfter(0);
        Assert.True(_chunks.Take() == null);
        _chunks.Give(first);
        Assert.True(_chunks.Take() == first);
        Assert.True(_chunks.Take() == null);
        _os.FailAfter(-1);
        Assert.True(_chunks.Take() != null);
    }

    [Fact]
    public void Several_threads_take_chunks_that_are_each_ones_own()
    {
        const int Count = 2000;
        HashSet<nint> all = [];
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            List<nint> own = [];
            for (int i = 0; i < Count; i++)
            {
                own.Add((nint)_chunks.Take());
            }

            lock (all)
            {
                own.ForEach(chunk => Assert.True(all.Add(chunk)));
            }
        });
        Assert.Equal((nuint)all.Count * MarkChunk.Size, _metadata.UsedBytes);
    }

    private long Calls(OsCall call) => _os.Calls(call);

    // So many at a time, all written to, and given back.
    private void Take(int count, Action<OsMemory, int>? before = null)
    {
        List<nint> taken = [];
        for (int i = 0; i < count; i++)
        {
            before?.Invoke(_os, i);
            MarkChunk* chunk = _chunks.Take();
            Assert.True(chunk != null);
            Assert.True(chunk->Count == 0 && chunk->Next == null);
            new Span<byte>(chunk, MarkChunk.Size).Fill(0xA5);
            taken.Add((nint)chunk);
        }

        Assert.Equal(count, taken.Distinct().Count());
        taken.ForEach(chunk => _chunks.Give((MarkChunk*)chunk));
    }
}
