using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Heap;

/// <summary>A buffer that grows in small steps is not copied at each of them.</summary>
[Unguarded("guarded blocks do not grow in place")]
public sealed unsafe class GrowthTests
{
    private const nuint FirstDoubled = 4096;
    private const nuint MiB = 1 << 20;

    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(100)]
    public void From_4_KiB_to_1_MiB_it_moves_once_per_doubling_at_most(int stepsPerDoubling)
    {
        using NativeHeap heap = StressHeap.Still();
        byte* buffer = (byte*)heap.Alloc(FirstDoubled);
        int moves = 0;
        for (nuint size = FirstDoubled; size < MiB;)
        {
            size = nuint.Min(size + (size / (nuint)stepsPerDoubling), MiB);
            byte* grown = (byte*)heap.Realloc(buffer, size);
            moves += grown == buffer ? 0 : 1;
            buffer = grown;
        }

        Assert.InRange(moves, 1, 4);
        heap.Free(buffer);
        heap.Verify();
    }

    [Fact]
    public void It_never_holds_more_than_eight_thirds_of_the_request()
    {
        using NativeHeap heap = StressHeap.Still();
        byte* buffer = (byte*)heap.Alloc(16);
        for (nuint size = 16; size < 4 * MiB; size += size / 16)
        {
            buffer = (byte*)heap.Realloc(buffer, size);
            Assert.InRange(heap.UsableSize(buffer), size, Math.Max(64, size * 8 / 3));
        }

        heap.Free(buffer);
    }

    [Fact]
    public void At_a_memory_limit_it_grows_by_what_is_asked()
    {
        using NativeHeap heap = StressHeap.Still(memoryLimit: 16 * MiB);
        void* other = heap.Alloc(12 * MiB);
        void* buffer = heap.Alloc(2 * MiB);

        buffer = heap.Realloc(buffer, 9 * MiB / 4);

        Assert.InRange(heap.UsableSize(buffer), 9 * MiB / 4, 3 * MiB);
        heap.Free(buffer);
        heap.Free(other);
        heap.Verify();
    }
}
