using System.Buffers;
using SpanHeap.Buffers;
using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Buffers;

public sealed class NativeMemoryPoolTests : IDisposable
{
    private readonly NativeHeap _heap = HeapMaker.New();
    private readonly NativeMemoryPool _pool;

    public NativeMemoryPoolTests() => _pool = new NativeMemoryPool(_heap);

    public void Dispose()
    {
        _pool.Dispose();
        _heap.Dispose();
    }

    [Fact]
    public void It_is_a_memory_pool()
    {
        MemoryPool<byte> pool = _pool;
        using IMemoryOwner<byte> owner = pool.Rent();

        Assert.Equal(int.MaxValue, pool.MaxBufferSize);
        Assert.InRange(owner.Memory.Length, 4096, 8192);
        Assert.Same(_heap, _pool.Heap);
        Assert.Equal(1, _heap.GetStatistics().LiveBlocks);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(5000)]
    [InlineData(100_000)]
    [InlineData(3_000_000)]
    public void Rented_memory_is_as_large_as_its_block(int size)
    {
        using NativeOwner<byte> owner = _pool.Rent(size);
        Assert.Equal(_heap.GoodSize((nuint)size), (nuint)owner.Length);
        Assert.InRange(owner.Length, size, int.MaxValue);
        owner.GetSpan().Fill(1);
    }

    [Fact]
    public void Memory_can_be_rented_exactly()
    {
        using NativeOwner<double> owner = _pool.RentExactly<double>(1001);
        Assert.Equal(1001, owner.Length);
    }

    [Fact]
    public void Options_say_how_memory_is_aligned_and_whether_it_is_zero()
    {
        using NativeMemoryPool pool = new(_heap, new NativeMemoryPoolOptions { Alignment = 64, Zeroed = true });
        for (int i = 0; i < 10; i++)
        {
            using NativeOwner<byte> owner = pool.Rent(200);
            Assert.Equal(200, owner.Length);
            Assert.Equal(-1, owner.GetSpan().IndexOfAnyExcept((byte)0));
            using MemoryHandle pin = owner.Pin();
            unsafe
            {
                Assert.Equal(0u, (nuint)pin.Pointer % 64);
            }

            owner.GetSpan().Fill(0xFF);
        }
    }

    [Theory]
    [InlineData(-2)]
    [InlineData(int.MinValue)]
    public void A_size_out_of_range_is_refused(int size)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _pool.Rent(size));
        Assert.Equal("length", Assert.Throws<ArgumentOutOfRangeException>(() => _pool.RentExactly<int>(size)).ParamName);
        Assert.Equal(0, _heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        Assert.Throws<ArgumentNullException>(() => new NativeMemoryPool(null!));
        Assert.Throws<ArgumentException>(() => new NativeMemoryPool(_heap, new NativeMemoryPoolOptions { Alignment = 24 }));
        Assert.Throws<ArgumentException>(() => new NativeMemoryPool(_heap, new NativeMemoryPoolOptions { Alignment = -64 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new NativeMemoryPool(_heap, new NativeMemoryPoolOptions { WhenDropped = (WhenDropped)7 }));
    }

    [Fact]
    public void A_disposed_pool_rents_nothing_and_what_it_rented_stays_valid()
    {
        using NativeOwner<byte> owner = _pool.Rent(100);
        _pool.Dispose();

        Assert.Throws<ObjectDisposedException>(() => _pool.Rent(100));
        Assert.Throws<ObjectDisposedException>(() => _pool.RentExactly<int>(100));
        owner.GetSpan().Fill(1);
    }

    [Fact]
    public void The_pool_of_a_disposed_heap_says_so()
    {
        _heap.Dispose();
        Assert.Contains(_heap.Name, Assert.Throws<ObjectDisposedException>(() => _pool.Rent(100)).Message, StringComparison.Ordinal);
        Assert.Contains(_heap.Name, Assert.Throws<ObjectDisposedException>(() => _pool.RentExactly<int>(100)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void At_the_limit_of_the_heap_there_is_an_exception_and_the_next_use_works()
    {
        using NativeHeap heap = HeapMaker.New(limit: 4 << 20);
        using NativeMemoryPool pool = new(heap);

        Assert.Throws<OutOfMemoryException>(() => pool.Rent(8 << 20));
        Assert.Throws<OutOfMemoryException>(() => pool.Rent(int.MaxValue));

        pool.Rent(1 << 20).Dispose();
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void It_works_over_the_shared_heap_and_over_the_native_side_of_a_traced_heap()
    {
        using TracedHeap traced = new(new TracedHeapOptions { ManualOnly = true });
        foreach (NativeHeap heap in (NativeHeap[])[NativeHeap.Shared, traced.Native])
        {
            using NativeMemoryPool pool = new(heap);
            using NativeOwner<byte> owner = pool.Rent(100);
            owner.GetSpan().Fill(1);
        }
    }

    [Fact]
    public void The_owner_of_a_disposed_traced_heap_says_so()
    {
        TracedHeap traced = new(new TracedHeapOptions { ManualOnly = true });
        NativeOwner<byte> owner = traced.Native.Rent<byte>(100);
        traced.Dispose();

        Assert.Throws<ObjectDisposedException>(() => owner.GetSpan());
        owner.Dispose();
    }

    [Fact]
    [Unguarded("a guarded block takes long, and its owner is watched")]
    public void A_million_rents_over_8_threads_leave_no_block_and_take_at_most_40_managed_bytes_each()
    {
        const int Threads = 8;
        const int Each = 1_000_000 / Threads;
        long[] bytes = new long[Threads];
        StressThreads.Run(Threads, thread =>
        {
            _pool.Rent(1).Dispose();
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < Each; i++)
            {
                using NativeOwner<byte> owner = _pool.Rent(1 + (i % 5000));
                owner.GetSpan()[0] = 1;
            }

            bytes[thread] = GC.GetAllocatedBytesForCurrentThread() - before;
        });

        Assert.All(bytes, static sum => Assert.InRange(sum, 1, 40L * Each));
        Assert.Equal((0, 0), (_heap.GetStatistics().LiveBlocks, _heap.GetStatistics().Owners));
    }
}
