using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Buffers;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Buffers;

public sealed unsafe class NativeOwnerTests
{
    private readonly NativeHeap _heap = HeapMaker.New();

    [Fact]
    public void An_owner_has_exactly_as_many_values_and_they_are_in_the_heap()
    {
        using NativeOwner<long> owner = _heap.Rent<long>(1000);

        Assert.Equal(1000, owner.Length);
        Assert.Equal(1000, owner.Memory.Length);
        owner.GetSpan().Fill(7);
        Assert.Equal(7, owner.Memory.Span[999]);
        Assert.True(_heap.Contains(Unsafe.AsPointer(ref MemoryMarshal.GetReference(owner.GetSpan()))));
        Assert.False(MemoryMarshal.TryGetArray<long>(owner.Memory, out _));
    }

    [Fact]
    public void Disposing_frees_the_block()
    {
        NativeOwner<byte> owner = _heap.Rent<byte>(100);
        Assert.Equal((1, 1), (_heap.GetStatistics().LiveBlocks, _heap.GetStatistics().Owners));

        owner.Dispose();

        Assert.Equal((0, 0), (_heap.GetStatistics().LiveBlocks, _heap.GetStatistics().Owners));
    }

    [Theory]
    [InlineData(WhenDropped.Keep)]
    [InlineData(WhenDropped.Free)]
    public void An_owner_that_is_disposed_twice_frees_its_block_once(WhenDropped whenDropped)
    {
        using NativeHeap heap = HeapMaker.New(HeapChecks.Full);
        NativeOwner<byte> owner = heap.Rent<byte>(100, whenDropped: whenDropped);

        owner.Dispose();
        owner.Dispose();
        ((IDisposable)owner).Dispose();

        Assert.Equal((0, 0), (heap.GetStatistics().LiveBlocks, heap.GetStatistics().Owners));
        heap.Verify();
    }

    [Theory]
    [InlineData(WhenDropped.Keep)]
    [InlineData(WhenDropped.Free)]
    public void An_owner_that_is_disposed_by_two_threads_at_once_frees_its_block_once(WhenDropped whenDropped)
    {
        using NativeHeap heap = HeapMaker.New(HeapChecks.Full);
        for (int round = 0; round < 100; round++)
        {
            NativeOwner<byte> owner = heap.Rent<byte>(100, whenDropped: whenDropped);
            using Barrier together = new(2);
            StressThreads.Run(2, _ =>
            {
                together.SignalAndWait();
                owner.Dispose();
            });
        }

        Assert.Equal((0, 0), (heap.GetStatistics().LiveBlocks, heap.GetStatistics().Owners));
        heap.Verify();
    }

    [Fact]
    public void A_disposed_owner_says_so_and_names_the_heap()
    {
        NativeOwner<byte> owner = _heap.Rent<byte>(100);
        Memory<byte> memory = owner.Memory;
        owner.Dispose();

        AssertDisposed(owner, memory);
    }

    [Fact]
    public void The_owner_of_a_disposed_heap_says_so_and_can_be_disposed()
    {
        NativeOwner<byte> owner = _heap.Rent<byte>(100);
        Memory<byte> memory = owner.Memory;
        _heap.Dispose();

        AssertDisposed(owner, memory);
        owner.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(16)]
    [InlineData(64)]
    [InlineData(4096)]
    [InlineData(1 << 20)]
    public void An_owner_is_aligned_and_zeroed_as_it_is_asked_for(int alignment)
    {
        foreach (int length in (int[])[1, 100, 5000, 100_000, 3_000_000])
        {
            // The first one leaves something behind.
            foreach (byte content in (byte[])[0xFF, 0])
            {
                using NativeOwner<byte> owner = _heap.Rent<byte>(length, zeroed: content == 0, alignment);
                if (content == 0)
                {
                    Assert.Equal(-1, owner.GetSpan().IndexOfAnyExcept((byte)0));
                }

                Assert.Equal(0u, (nuint)Unsafe.AsPointer(ref owner.GetSpan()[0]) % (nuint)Math.Max(alignment, 1));
                owner.GetSpan().Fill(content);
            }
        }
    }

    [Fact]
    public void A_pin_is_a_pointer_to_the_value_and_no_handle_of_the_collector()
    {
        using NativeOwner<int> owner = _heap.Rent<int>(10);
        owner.GetSpan()[3] = 33;

        using MemoryHandle handle = owner.Pin(3);
        using MemoryHandle end = owner.Pin(10);
        using MemoryHandle sliced = owner.Memory[3..].Pin();

        Assert.Equal(33, *(int*)handle.Pointer);
        Assert.Equal((nint)handle.Pointer, (nint)sliced.Pointer);
        Assert.Equal(7, (int*)end.Pointer - (int*)handle.Pointer);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(11)]
    public void A_pin_out_of_range_is_refused(int index)
    {
        using NativeOwner<int> owner = _heap.Rent<int>(10);
        Assert.Throws<ArgumentOutOfRangeException>(() => owner.Pin(index));
        Assert.Throws<InvalidOperationException>(owner.Unpin);
    }

    [Fact]
    public void A_block_that_is_pinned_when_its_owner_is_disposed_is_freed_with_the_last_pin()
    {
        NativeOwner<byte> owner = _heap.Rent<byte>(100);
        MemoryHandle first = owner.Pin();
        MemoryHandle second = owner.Memory.Pin();

        owner.Dispose();
        first.Dispose();
        Assert.Equal(1, _heap.GetStatistics().LiveBlocks);
        Assert.Throws<ObjectDisposedException>(() => owner.Pin());

        second.Dispose();
        Assert.Equal((0, 0), (_heap.GetStatistics().LiveBlocks, _heap.GetStatistics().Owners));
        Assert.Throws<InvalidOperationException>(owner.Unpin);
        Assert.Equal(0, _heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void A_pin_that_ends_before_its_owner_is_disposed_frees_nothing()
    {
        NativeOwner<byte> owner = _heap.Rent<byte>(100);
        owner.Pin().Dispose();
        Assert.Equal(1, _heap.GetStatistics().LiveBlocks);
        owner.GetSpan()[0] = 1;
        owner.Dispose();
        Assert.Equal(0, _heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void An_owner_of_no_values_is_one()
    {
        using NativeOwner<byte> owner = _heap.Rent<byte>(0);
        Assert.True(owner.GetSpan().IsEmpty);
        Assert.True(owner.Memory.IsEmpty);
        owner.Pin().Dispose();
    }

    [Fact]
    public void Arguments_that_make_no_sense_are_refused_and_allocate_nothing()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _heap.Rent<byte>(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => _heap.Rent<byte>(1, whenDropped: (WhenDropped)2));
        Assert.Throws<ArgumentNullException>(() => ((NativeHeap)null!).Rent<byte>(1));
        Assert.All((int[])[3, -1, int.MinValue, 48], alignment => Assert.Throws<ArgumentException>(() => _heap.Rent<byte>(1, alignment: alignment)));
        Assert.Contains("KeyValuePair", Assert.Throws<ArgumentException>(() => _heap.Rent<KeyValuePair<int, string>>(1)).Message, StringComparison.Ordinal);
        Assert.Equal((0, 0), (_heap.GetStatistics().LiveBlocks, _heap.GetStatistics().Owners));
    }

    [Fact]
    public void At_the_limit_of_the_heap_there_is_an_exception_and_the_next_use_works()
    {
        using NativeHeap heap = HeapMaker.New(limit: 8 << 20);
        using NativeOwner<byte> owner = heap.Rent<byte>(4 << 20);

        Assert.Throws<OutOfMemoryException>(() => heap.Rent<long>(1 << 20));
        Assert.Throws<OutOfMemoryException>(() => heap.Rent<long>(int.MaxValue, zeroed: true, alignment: 64));

        Assert.Equal(1, heap.GetStatistics().Owners);
        heap.Rent<byte>(1 << 20).Dispose();
        heap.Verify();
    }

    [Fact]
    public void A_write_past_the_end_is_found_with_full_checks_when_the_owner_is_disposed()
    {
        using NativeHeap heap = HeapMaker.New(HeapChecks.Full);
        NativeOwner<byte> owner = heap.Rent<byte>(100);
        byte* past = (byte*)Unsafe.AsPointer(ref owner.GetSpan()[0]) + 100;
        *past ^= 1;

        Assert.Equal(MisuseKind.Overflow, Assert.Throws<HeapCorruptionException>(owner.Dispose).Kind);

        *past ^= 1;
        Assert.Equal(1, heap.GetStatistics().LiveBlocks);
    }

    private void AssertDisposed(NativeOwner<byte> owner, Memory<byte> memory)
    {
        Action[] uses =
        [
            () => _ = owner.Memory, () => owner.GetSpan(), () => owner.Pin(), () => _ = memory.Span, () => memory.Pin(),
        ];
        Assert.All(uses, use => Assert.Contains(_heap.Name, Assert.Throws<ObjectDisposedException>(use).Message, StringComparison.Ordinal));
    }
}
