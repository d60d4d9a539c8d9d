using SpanHeap.Buffers;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Buffers;

public sealed unsafe class ScopedMemoryTests
{
    private readonly NativeHeap _heap = HeapMaker.New();

    [Fact]
    public void A_block_lives_until_the_end_of_its_using()
    {
        using (ScopedMemory<int> memory = _heap.Scoped<int>(1000))
        {
            memory.Span.Fill(1);
            memory[999] = 42;

            Assert.Equal(1000, memory.Length);
            Assert.Equal(42, memory.Span[999]);
            Assert.Equal(42, memory.Pointer[999]);
            Assert.Equal(1, _heap.GetStatistics().LiveBlocks);
        }

        Assert.Equal(0, _heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    [Unguarded("the stack that allocates a guarded block is a managed object")]
    public void It_takes_no_managed_object()
    {
        _heap.Scoped<int>(10).Dispose();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            using ScopedMemory<int> memory = _heap.Scoped<int>(10);
            memory[9] = i;
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(0, _heap.GetStatistics().Owners);
    }

    [Fact]
    public void It_is_aligned_and_zeroed_as_it_is_asked_for()
    {
        for (int i = 0; i < 10; i++)
        {
            using ScopedMemory<byte> memory = _heap.Scoped<byte>(100, zeroed: true, alignment: 256);
            Assert.Equal(-1, memory.Span.IndexOfAnyExcept((byte)0));
            Assert.Equal(0u, (nuint)memory.Pointer % 256);
            memory.Span.Fill(0xFF);
        }
    }

    [Fact]
    public void Memory_that_is_disposed_says_so_and_is_freed_once()
    {
        using NativeHeap heap = HeapMaker.New(HeapChecks.Full);
        ScopedMemory<int> memory = heap.Scoped<int>(10);
        memory.Dispose();
        memory.Dispose();

        Assert.True(ThrowsDisposed(memory));
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void Memory_of_a_disposed_heap_says_so_and_can_be_disposed()
    {
        ScopedMemory<int> memory = _heap.Scoped<int>(10);
        _heap.Dispose();

        Assert.True(ThrowsDisposed(memory));
        memory.Dispose();
    }

    [Fact]
    public void An_index_out_of_range_is_refused()
    {
        using ScopedMemory<int> memory = _heap.Scoped<int>(10);
        int refused = 0;
        foreach (int index in (int[])[-1, 10])
        {
            try
            {
                memory[index] = 1;
            }
            catch (IndexOutOfRangeException)
            {
                refused++;
            }
        }

        Assert.Equal(2, refused);
    }

    [Fact]
    public void The_default_value_has_no_values()
    {
        ScopedMemory<int> none = default;
        Assert.Equal(0, none.Length);
        Assert.True(none.Span.IsEmpty);
        none.Dispose();
    }

    [Fact]
    public void Arguments_that_make_no_sense_are_refused()
    {
        Assert.Equal("length", Assert.Throws<ArgumentOutOfRangeException>(() => _heap.Scoped<int>(-1).Dispose()).ParamName);
        Assert.Throws<ArgumentException>(() => _heap.Scoped<int>(1, alignment: 3).Dispose());
        Assert.Throws<ArgumentNullException>(() => ((NativeHeap)null!).Scoped<int>(1).Dispose());
        Assert.Throws<OutOfMemoryException>(() => HeapMaker.New(limit: 1 << 20).Scoped<long>(int.MaxValue).Dispose());
    }

    private static bool ThrowsDisposed(ScopedMemory<int> memory)
    {
        int thrown = 0;
        try
        {
            _ = memory.Span;
        }
        catch (ObjectDisposedException)
        {
            thrown++;
        }

        try
        {
            _ = memory.Pointer;
        }
        catch (ObjectDisposedException)
        {
            thrown++;
        }

        return thrown == 2;
    }
}
