using System.Buffers;
using SpanHeap.Buffers;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Buffers;

public sealed class NativeWriterTests
{
    private readonly NativeHeap _heap = HeapMaker.New();

    [Fact]
    public void What_is_written_is_there_in_order()
    {
        using NativeWriter writer = new(_heap);
        ArrayBufferWriter<byte> model = new();
        Random random = new(3);
        for (int step = 0; step < 2000; step++)
        {
            byte[] bytes = new byte[random.Next(200)];
            random.NextBytes(bytes);
            model.Write(bytes);
            if (random.Next(2) == 0)
            {
                writer.Write(bytes);
            }
            else
            {
                bytes.CopyTo(writer.GetMemory(bytes.Length));
                writer.Advance(bytes.Length);
            }
        }

        Assert.Equal(model.WrittenCount, writer.WrittenCount);
        Assert.True(writer.WrittenSpan.SequenceEqual(model.WrittenSpan));
        Assert.True(writer.WrittenMemory.Span.SequenceEqual(model.WrittenSpan));
        _heap.Verify();
    }

    [Fact]
    public void Room_is_never_empty()
    {
        using NativeWriter writer = new(_heap);
        for (int i = 0; i < 10; i++)
        {
            int room = writer.GetSpan(0).Length;
            Assert.InRange(room, 1, int.MaxValue);
            Assert.Equal(room, writer.GetMemory().Length);
            writer.Advance(room);
            Assert.Equal(writer.Capacity, writer.WrittenCount);
        }

        Assert.InRange(writer.GetSpan(100_000).Length, 100_000, int.MaxValue);
    }

    [Fact]
    public void Clearing_keeps_the_memory()
    {
        using NativeWriter writer = new(_heap, 1000);
        Assert.InRange(writer.Capacity, 1000, 1100);
        writer.Write("abc"u8);
        int capacity = writer.Capacity;

        writer.Clear();
        Assert.Equal((0, capacity), (writer.WrittenCount, writer.Capacity));
        writer.Write("de"u8);
        Assert.True(writer.WrittenSpan.SequenceEqual("de"u8));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(int.MinValue)]
    [InlineData(int.MaxValue)]
    public void An_advance_out_of_range_is_refused_and_changes_nothing(int count)
    {
        using NativeWriter writer = new(_heap);
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Advance(1));
        writer.Write("abc"u8);

        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Advance(count));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Advance(writer.Capacity - 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.GetSpan(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.GetMemory(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new NativeWriter(_heap, -1));

        Assert.True(writer.WrittenSpan.SequenceEqual("abc"u8));
    }

    [Fact]
    public void A_writer_that_is_disposed_says_so()
    {
        NativeWriter writer = new(_heap);
        writer.Write("abc"u8);
        writer.Dispose();
        writer.Dispose();

        AssertDisposed(writer);
        Assert.Equal((0, 0, 0), (writer.WrittenCount, _heap.GetStatistics().LiveBlocks, _heap.GetStatistics().Owners));
    }

    [Fact]
    public void A_writer_of_a_disposed_heap_says_so_and_can_be_disposed()
    {
        NativeWriter writer = new(_heap);
        writer.Write("abc"u8);
        _heap.Dispose();

        AssertDisposed(writer);
        writer.Dispose();
    }

    [Fact]
    public void At_the_limit_of_the_heap_what_was_written_stays_and_the_next_use_works()
    {
        using NativeHeap heap = HeapMaker.New(limit: 8 << 20);
        using NativeWriter writer = new(heap);
        writer.Write("abc"u8);

        Assert.Throws<OutOfMemoryException>(() => writer.GetSpan(16 << 20));
        Assert.Throws<OutOfMemoryException>(() => writer.GetMemory(int.MaxValue));

        writer.Write("def"u8);
        Assert.True(writer.WrittenSpan.SequenceEqual("abcdef"u8));
    }

    private static void AssertDisposed(NativeWriter writer)
    {
        Action[] calls =
        [
            () => writer.Advance(0), () => writer.GetSpan(), () => writer.GetMemory(), () => _ = writer.WrittenSpan, () => _ = writer.WrittenMemory, writer.Clear,
        ];
        Assert.All(calls, static call => Assert.Throws<ObjectDisposedException>(call));
    }
}
