using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Spans;

/// <summary>The records are the process's; each test is a heap of its own by number.</summary>
public sealed unsafe class HugeBlocksTests : IDisposable
{
    private static ulong s_lastSerial = ulong.MaxValue / 2;
    private readonly ulong _serial = Interlocked.Increment(ref s_lastSerial);
    private readonly OsMemory _os = new();

    public void Dispose() => HugeBlockTable.FreeAll(_os, _serial);

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(4096)]
    [InlineData(1 << 21)]
    [InlineData(1 << 27)]
    public void A_block_is_aligned_and_found_from_its_first_byte_to_its_last(int alignment)
    {
        nint block = Allocate(100_000, (nuint)alignment);
        Assert.Equal(0, block % alignment);
        foreach (nint inside in new[] { block, block + 1, block + 99_999 })
        {
            Assert.True(HugeBlockTable.TryFind(inside, out HugeBlock found));
            Assert.Equal((block, (nuint)100_000, _serial), (found.Address, found.Size, found.HeapSerial));
        }

        Assert.False(HugeBlockTable.TryFind(block - 1, out HugeBlock other) && other.HeapSerial == _serial);
        Assert.False(HugeBlockTable.TryFind(block + 100_000, out other) && other.HeapSerial == _serial);
    }

    [Fact]
    public void Zeroed_memory_is_zero()
    {
        byte* block = (byte*)HugeBlockTable.TryAllocate(_os, _serial, 1 << 20, 16, zeroed: true);
        Assert.Equal(-1, new Span<byte>(block, 1 << 20).IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void Many_blocks_are_found_each_and_counted()
    {
        nint[] blocks = [.. Enumerable.Range(1, 300).Select(i => Allocate((nuint)(1000 * i), 16))];
        HugeBlockTable.Count(_serial, out nuint count, out nuint bytes);
        Assert.Equal(((nuint)300, (nuint)(300 * 301 / 2 * 1000)), (count, bytes));
        for (int i = 0; i < blocks.Length; i += 2)
        {
            Assert.True(HugeBlockTable.TryRemove(_serial, blocks[i], out HugeBlock removed));
            _os.Free(removed.Platform);
        }

        for (int i = 1; i < blocks.Length; i += 2)
        {
            Assert.True(HugeBlockTable.TryFind(blocks[i] + 500, out HugeBlock found));
            Assert.Equal(blocks[i], found.Address);
        }

        HugeBlockTable.Count(_serial, out count, out _);
        Assert.Equal((nuint)150, count);
    }

    [Fact]
    public void A_block_is_removed_by_its_first_byte_and_its_heap_only()
    {
        nint block = Allocate(100, 16);
        Assert.False(HugeBlockTable.TryRemove(_serial, block + 1, out _));
        Assert.False(HugeBlockTable.TryRemove(_serial + 1_000_000, block, out _));
        Assert.True(HugeBlockTable.TryRemove(_serial, block, out HugeBlock removed));
        _os.Free(removed.Platform);
        Assert.False(HugeBlockTable.TryRemove(_serial, block, out _));
    }

    [Fact]
    public void A_block_that_grows_keeps_its_contents_and_its_record()
    {
        byte* block = (byte*)Allocate(1 << 20, 16);
        block[0] = 1;
        block[(1 << 20) - 1] = 2;
        byte* moved = (byte*)HugeBlockTable.TryReallocate(_os, _serial, (nint)block, 1 << 22);
        Assert.True(moved != null);
        Assert.Equal((1, 2), (moved[0], moved[(1 << 20) - 1]));
        Assert.True(HugeBlockTable.TryFind((nint)moved + (1 << 22) - 1, out HugeBlock found));
        Assert.Equal((nuint)1 << 22, found.Size);
    }

    [Fact]
    public void A_resize_that_fails_leaves_the_block_as_it_was()
    {
        nint block = Allocate(1 << 20, 16);
        _os.FailAfter(0);
        Assert.True(HugeBlockTable.TryReallocate(_os, _serial, block, 1 << 22) == null);
        _os.FailAfter(-1);
        Assert.True(HugeBlockTable.TryReallocate(_os, _serial, block, nuint.MaxValue) == null);
        Assert.True(HugeBlockTable.TryFind(block, out HugeBlock found));
        Assert.Equal((nuint)1 << 20, found.Size);
    }

    [Fact]
    public void Sizes_that_no_platform_has_are_refused()
    {
        Assert.True(HugeBlockTable.TryAllocate(_os, _serial, nuint.MaxValue, 16, zeroed: false) == null);
        Assert.True(HugeBlockTable.TryAllocate(_os, _serial, (nuint)nint.MaxValue, 1 << 27, zeroed: false) == null);
        Assert.True(HugeBlockTable.TryAllocate(_os, _serial, 1, (nuint)1 << 63, zeroed: false) == null);
    }

    [Fact]
    public void All_blocks_of_a_heap_are_freed_and_no_other_heaps()
    {
        ulong other = Interlocked.Increment(ref s_lastSerial);
        nint kept = (nint)HugeBlockTable.TryAllocate(_os, other, 100, 16, zeroed: false);
        Allocate(100, 16);
        Allocate(100, 16);
        HugeBlockTable.FreeAll(_os, _serial);
        HugeBlockTable.Count(_serial, out nuint count, out _);
        Assert.Equal((nuint)0, count);
        Assert.True(HugeBlockTable.TryFind(kept, out _));
        HugeBlockTable.FreeAll(_os, other);
        Assert.Equal(3, _os.Calls(OsCall.ReleaseArena));
    }

    private nint Allocate(nuint bytes, nuint alignment)
    {
        nint block = (nint)HugeBlockTable.TryAllocate(_os, _serial, bytes, alignment, zeroed: false);
        Assert.NotEqual(0, block);
        return block;
    }
}
