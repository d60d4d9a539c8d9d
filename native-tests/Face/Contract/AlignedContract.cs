namespace SpanHeap.Tests.Face.Contract;

/// <summary>AlignedAlloc, AlignedRealloc and AlignedFree.</summary>
public abstract unsafe class AlignedContract<TMemory>
    where TMemory : IMemory
{
    private const string Message = "The alignment must be a power of two.";

    [Theory]
    [MemberData(nameof(Sizes.Alignments), MemberType = typeof(Sizes))]
    public void Blocks_of_any_size_are_aligned_and_apart(int alignment)
    {
        List<(nint Block, nuint Size)> blocks = [];
        foreach (nuint size in new nuint[] { 0, 1, 7, 8, 100, 1000, 5000, 33_000, 100_000, 5 << 20 })
        {
            nint block = (nint)TMemory.AlignedAlloc(size, (nuint)alignment);
            Assert.NotEqual(0, block);
            Assert.Equal(0, block % alignment);
            Pattern.Write((void*)block, size, blocks.Count);
            blocks.Add((block, size));
        }

        for (int i = 0; i < blocks.Count; i++)
        {
            Pattern.AssertKept((void*)blocks[i].Block, blocks[i].Size, blocks[i].Size, i);
            TMemory.AlignedFree((void*)blocks[i].Block);
        }
    }

    [Theory]
    [MemberData(nameof(Sizes.NoAlignments), MemberType = typeof(Sizes))]
    public void An_alignment_that_is_no_power_of_two_is_refused(int alignment)
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => { TMemory.AlignedAlloc(16, (nuint)alignment); });
        Assert.StartsWith(Message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Sizes.NoAlignments), MemberType = typeof(Sizes))]
    public void A_resize_to_an_alignment_that_is_no_power_of_two_is_refused_and_changes_nothing(int alignment)
    {
        nint block = (nint)TMemory.AlignedAlloc(100, 16);
        Pattern.Write((void*)block, 100, 1);
        ArgumentException error = Assert.Throws<ArgumentException>(() => { TMemory.AlignedRealloc((void*)block, 200, (nuint)alignment); });
        Assert.StartsWith(Message, error.Message, StringComparison.Ordinal);
        Pattern.AssertKept((void*)block, 100, 100, 1);
        TMemory.AlignedFree((void*)block);
    }

    [Theory]
    [MemberData(nameof(Sizes.Alignments), MemberType = typeof(Sizes))]
    public void A_resize_keeps_contents_and_has_the_new_alignment(int alignment)
    {
        foreach (nuint size in new nuint[] { 1, 100, 5000, 40_000, 300_000, 5 << 20 })
        {
            foreach (nuint newSize in new nuint[] { 0, 10, 150, 9000, 64_000, 1 << 20 })
            {
                void* block = TMemory.AlignedAlloc(size, 8);
                Pattern.Write(block, size, 5);
                block = TMemory.AlignedRealloc(block, newSize, (nuint)alignment);
                Assert.True(block != null);
                Assert.Equal(0, (nint)block % alignment);
                Pattern.AssertKept(block, size, Math.Min(size, newSize), 5);
                Pattern.Write(block, newSize, 5);
                TMemory.AlignedFree(block);
            }
        }
    }

    [Fact]
    public void A_resize_of_null_gives_a_new_block()
    {
        void* block = TMemory.AlignedRealloc(null, 1000, 256);
        Assert.Equal(0, (nint)block % 256);
        Pattern.Write(block, 1000, 1);
        TMemory.AlignedFree(block);
    }

    [Fact]
    public void Null_may_be_freed() => TMemory.AlignedFree(null);

    [Fact]
    public void Sizes_that_no_program_gets_are_out_of_memory()
    {
        foreach (nuint size in Sizes.Impossible)
        {
            foreach (nuint alignment in new nuint[] { 1, 16, 64, 8192, 1 << 21, 1 << 27 })
            {
                Assert.Throws<OutOfMemoryException>(() => { TMemory.AlignedAlloc(size, alignment); });
            }
        }
    }

    [Fact]
    public void A_resize_to_a_size_that_no_program_gets_changes_nothing()
    {
        foreach (nuint size in new nuint[] { 100, 40_000, 300_000, 5 << 20 })
        {
            nint block = (nint)TMemory.AlignedAlloc(size, 64);
            Pattern.Write((void*)block, size, 6);
            foreach (nuint impossible in Sizes.Impossible)
            {
                Assert.Throws<OutOfMemoryException>(() => { TMemory.AlignedRealloc((void*)block, impossible, 64); });
                Pattern.AssertKept((void*)block, size, size, 6);
            }

            TMemory.AlignedFree((void*)block);
        }
    }

    [Fact]
    public void An_alignment_wider_than_any_address_is_out_of_memory() =>
        Assert.Throws<OutOfMemoryException>(static () => { TMemory.AlignedAlloc(1, (nuint)1 << 63); });
}
