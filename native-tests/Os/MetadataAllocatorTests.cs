using SpanHeap.Os;

namespace SpanHeap.Tests.Os;

public sealed unsafe class MetadataAllocatorTests : IDisposable
{
    private readonly OsMemory _os = new();
    private readonly MetadataAllocator _metadata;

    public MetadataAllocatorTests() => _metadata = new MetadataAllocator(_os);

    public void Dispose() => _metadata.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(5000)]
    [InlineData(1 << 20)]
    public void Records_are_aligned_to_a_cache_line_zero_and_apart(int bytes)
    {
        nint last = 0;
        for (int i = 0; i < 200; i++)
        {
            byte* record = (byte*)_metadata.Allocate((nuint)bytes);
            Assert.Equal(0, (nint)record % 64);
            Assert.Equal(-1, new Span<byte>(record, bytes).IndexOfAnyExcept((byte)0));
            Assert.True(last == 0 || Math.Abs((nint)record - last) >= bytes);
            new Span<byte>(record, bytes).Fill(0xCC);
            last = (nint)record;
            i += bytes > 100_000 ? 20 : 0;
        }
    }

    [Fact]
    public void Small_records_share_a_request_to_the_system()
    {
        for (int i = 0; i < 1000; i++)
        {
            Assert.True(_metadata.Allocate(64) != null);
        }

        Assert.InRange(_os.Calls(OsCall.AllocateMetadata), 1, 5);
        Assert.InRange(_metadata.ReservedBytes, 64_000u, 200_000u);
        Assert.Equal((nuint)64_000, _metadata.UsedBytes);
    }

    [Fact]
    public void Without_memory_it_gives_null_and_goes_on_later()
    {
        _os.FailAfter(0);
        Assert.True(_metadata.Allocate(64) == null);
        _os.FailAfter(-1);
        Assert.True(_metadata.Allocate(64) != null);
    }

    [Fact]
    public void All_is_given_back_at_once()
    {
        for (int i = 0; i < 10; i++)
        {
            Assert.True(_metadata.Allocate(200_000) != null);
        }

        _metadata.Dispose();
        Assert.Equal(_os.Calls(OsCall.AllocateMetadata), _os.Calls(OsCall.ReleaseArena));
        Assert.Equal((nuint)0, _metadata.ReservedBytes);
    }

    [Fact]
    public void Threads_never_get_the_same_record()
    {
        const int PerThread = 5000;
        var records = new nint[4 * PerThread];
        Parallel.For(0, 4, thread =>
        {
            for (int i = 0; i < PerThread; i++)
            {
                records[(thread * PerThread) + i] = (nint)_metadata.Allocate(64);
            }
        });
        Assert.DoesNotContain(0, records);
        Assert.Equal(records.Length, records.Distinct().Count());
    }
}
