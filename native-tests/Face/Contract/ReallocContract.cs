namespace SpanHeap.Tests.Face.Contract;

/// <summary>Realloc.</summary>
public abstract unsafe class ReallocContract<TMemory>
    where TMemory : IMemory
{
    [Theory]
    [MemberData(nameof(Sizes.OfEachKind), MemberType = typeof(Sizes))]
    public void Contents_are_kept_up_to_the_lesser_size(int size)
    {
        int id = 0;
        foreach (int other in Sizes.OfEachKind)
        {
            nuint newSize = (nuint)other;
            void* block = TMemory.Alloc((nuint)size);
            Pattern.Write(block, (nuint)size, ++id);
            block = TMemory.Realloc(block, newSize);
            Pattern.AssertKept(block, (nuint)size, Math.Min((nuint)size, newSize), id);
            Pattern.Write(block, newSize, id);
            Pattern.AssertKept(block, newSize, newSize, id);
            TMemory.Free(block);
        }
    }

    [Theory]
    [MemberData(nameof(Sizes.OfEachKind), MemberType = typeof(Sizes))]
    public void Null_is_no_block_and_gives_a_new_one(int size)
    {
        void* block = TMemory.Realloc(null, (nuint)size);
        Assert.True(block != null);
        Pattern.Write(block, (nuint)size, 1);
        TMemory.Free(block);
    }

    [Theory]
    [MemberData(nameof(Sizes.OfEachKind), MemberType = typeof(Sizes))]
    public void No_bytes_give_a_block_that_is_not_null(int size)
    {
        void* block = TMemory.Realloc(TMemory.Alloc((nuint)size), 0);
        Assert.True(block != null);
        TMemory.Free(block);
        block = TMemory.Realloc(null, 0);
        Assert.True(block != null);
        TMemory.Free(block);
    }

    [Theory]
    [MemberData(nameof(Sizes.OfEachKind), MemberType = typeof(Sizes))]
    public void A_size_that_no_program_gets_is_out_of_memory_and_the_block_is_as_it_was(int size)
    {
        void* block = TMemory.Alloc((nuint)size);
        Pattern.Write(block, (nuint)size, 9);
        nint address = (nint)block;
        foreach (nuint impossible in Sizes.Impossible)
        {
            Assert.Throws<OutOfMemoryException>(() => { TMemory.Realloc((void*)address, impossible); });
            Pattern.AssertKept(block, (nuint)size, (nuint)size, 9);
        }

        TMemory.Free(block);
    }

    [Fact]
    public void A_buffer_may_grow_by_a_quarter_at_a_time_and_shrink_again()
    {
        nuint size = 16;
        void* block = TMemory.Alloc(size);
        Pattern.Write(block, size, 3);
        while (size < 8 << 20)
        {
            nuint larger = size + Math.Max(size / 4, 1);
            block = TMemory.Realloc(block, larger);
            Pattern.AssertKept(block, size, size, 3);
            Pattern.Write(block, larger, 3);
            size = larger;
        }

        while (size > 16)
        {
            nuint smaller = size - (size / 4);
            block = TMemory.Realloc(block, smaller);
            Pattern.AssertKept(block, size, smaller, 3);
            Pattern.Write(block, smaller, 3);
            size = smaller;
        }

        TMemory.Free(block);
    }

    [Fact]
    public void Neighbours_are_untouched_by_growing_and_shrinking()
    {
        const int Count = 64;
        var blocks = new nint[Count];
        var sizes = new nuint[Count];
        Random random = new(11);
        for (int round = 0; round < 4000; round++)
        {
            int i = random.Next(Count);
            nuint size = (nuint)(random.Next(4) == 0 ? random.Next(300_000) : random.Next(2000));
            blocks[i] = (nint)TMemory.Realloc((void*)blocks[i], size);
            Pattern.AssertKept((void*)blocks[i], sizes[i], Math.Min(size, sizes[i]), i);
            Pattern.Write((void*)blocks[i], size, i);
            sizes[i] = size;
        }

        for (int i = 0; i < Count; i++)
        {
            Pattern.AssertKept((void*)blocks[i], sizes[i], sizes[i], i);
            TMemory.Free((void*)blocks[i]);
        }
    }
}
