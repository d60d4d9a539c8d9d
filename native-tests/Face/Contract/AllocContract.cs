namespace SpanHeap.Tests.Face.Contract;

/// <summary>Alloc, AllocZeroed and Free.</summary>
public abstract unsafe class AllocContract<TMemory>
    where TMemory : IMemory
{
    [Theory]
    [MemberData(nameof(Sizes.All), MemberType = typeof(Sizes))]
    public void A_block_of_any_size_can_be_written_to_its_last_byte(int size)
    {
        void* block = TMemory.Alloc((nuint)size);
        Assert.True(block != null);
        Pattern.Write(block, (nuint)size, 1);
        Pattern.AssertKept(block, (nuint)size, (nuint)size, 1);
        TMemory.Free(block);
    }

    [Theory]
    [MemberData(nameof(Sizes.All), MemberType = typeof(Sizes))]
    public void Zeroed_blocks_are_zero_even_where_others_have_been(int size)
    {
        for (int round = 0; round < 4; round++)
        {
            byte* block = (byte*)TMemory.AllocZeroed((nuint)size);
            Assert.True(block != null);
            Assert.Equal(-1, new Span<byte>(block, size).IndexOfAnyExcept((byte)0));
            new Span<byte>(block, size).Fill(0xA5);
            TMemory.Free(block);
        }
    }

    [Fact]
    public void Blocks_of_no_bytes_are_all_different()
    {
        HashSet<nint> blocks = [];
        for (int i = 0; i < 100; i++)
        {
            Assert.True(blocks.Add((nint)TMemory.Alloc(0)));
            Assert.True(blocks.Add((nint)TMemory.AllocZeroed(0)));
            Assert.True(blocks.Add((nint)TMemory.Alloc(0, 8)));
        }

        Assert.DoesNotContain(0, blocks);
        foreach (nint block in blocks)
        {
            TMemory.Free((void*)block);
        }
    }

    [Fact]
    public void Null_may_be_freed() => TMemory.Free(null);

    [Fact]
    public void Sizes_that_no_program_gets_are_out_of_memory()
    {
        foreach (nuint size in Sizes.Impossible)
        {
            Assert.Throws<OutOfMemoryException>(() => { TMemory.Alloc(size); });
            Assert.Throws<OutOfMemoryException>(() => { TMemory.AllocZeroed(size); });
        }
    }

    [Fact]
    public void A_product_that_overflows_is_out_of_memory()
    {
        (nuint, nuint)[] products = [(nuint.MaxValue, 2), (2, nuint.MaxValue), ((nuint)1 << 32, (nuint)1 << 32), (nuint.MaxValue, nuint.MaxValue), (((nuint)1 << 60) + 1, 16)];
        foreach ((nuint count, nuint size) in products)
        {
            Assert.Throws<OutOfMemoryException>(() => { TMemory.Alloc(count, size); });
            Assert.Throws<OutOfMemoryException>(() => { TMemory.AllocZeroed(count, size); });
        }
    }

    [Fact]
    public void No_elements_or_elements_of_no_bytes_give_a_block()
    {
        void*[] blocks = [TMemory.Alloc(0, nuint.MaxValue), TMemory.Alloc(nuint.MaxValue, 0), TMemory.AllocZeroed(0, 4), TMemory.AllocZeroed(nuint.MaxValue, 0)];
        foreach (void* block in blocks)
        {
            Assert.True(block != null);
            TMemory.Free(block);
        }
    }

    [Fact]
    public void Elements_are_as_many_bytes_as_their_product()
    {
        byte* zeroed = (byte*)TMemory.AllocZeroed(1000, 12);
        Assert.Equal(-1, new Span<byte>(zeroed, 12_000).IndexOfAnyExcept((byte)0));
        void* plain = TMemory.Alloc(1000, 12);
        Pattern.Write(plain, 12_000, 1);
        Pattern.Write(zeroed, 12_000, 2);
        Pattern.AssertKept(plain, 12_000, 12_000, 1);
        TMemory.Free(plain);
        TMemory.Free(zeroed);
    }

    [Fact]
    public void Blocks_do_not_overlap()
    {
        const int Count = 2000;
        var blocks = new nint[Count];
        for (int i = 0; i < Count; i++)
        {
            blocks[i] = (nint)TMemory.Alloc((nuint)(i % 700));
            Pattern.Write((void*)blocks[i], (nuint)(i % 700), i);
        }

        for (int i = 0; i < Count; i++)
        {
            Pattern.AssertKept((void*)blocks[i], (nuint)(i % 700), (nuint)(i % 700), i);
            TMemory.Free((void*)blocks[i]);
        }
    }

    [Fact]
    public void Blocks_are_aligned_for_any_value_that_fits_in_them()
    {
        List<nint> blocks = [];
        for (nuint size = 1; size < 600; size++)
        {
            nint block = (nint)TMemory.Alloc(size);
            Assert.Equal(0, block % (size <= 8 ? 8 : 16));
            blocks.Add(block);
        }

        blocks.ForEach(static block => TMemory.Free((void*)block));
    }

    [Fact]
    public void Any_thread_may_free_a_block()
    {
        for (int round = 0; round < 20; round++)
        {
            nint[] blocks = [.. Enumerable.Range(0, 200).Select(static i => (nint)TMemory.Alloc((nuint)(i * 50)))];
            Thread other = new(() => Array.ForEach(blocks, static block => TMemory.Free((void*)block)));
            other.Start();
            other.Join();
        }
    }
}
