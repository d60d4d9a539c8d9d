namespace SpanHeap.Tests.Face.Contract;

/// <summary>Clear, Copy and Fill.</summary>
public abstract unsafe class BytesContract<TMemory>
    where TMemory : IMemory
{
    private const int Length = 300;

    [Fact]
    public void Clear_and_fill_write_their_range_and_no_byte_beside_it()
    {
        byte* bytes = stackalloc byte[Length];
        for (int count = 0; count < Length - 20; count += 7)
        {
            new Span<byte>(bytes, Length).Fill(0xEE);
            TMemory.Clear(bytes + 10, (nuint)count);
            AssertRange(bytes, count, 0);
            TMemory.Fill(bytes + 10, (nuint)count, 0x7B);
            AssertRange(bytes, count, 0x7B);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(13)]
    [InlineData(-13)]
    public void Copy_moves_bytes_right_when_ranges_overlap(int distance)
    {
        byte* bytes = stackalloc byte[Length];
        var expected = new byte[Length];
        new Random(5).NextBytes(new Span<byte>(bytes, Length));
        new Span<byte>(bytes, Length).CopyTo(expected);
        Array.Copy(expected, 50, expected, 50 + distance, 200);
        TMemory.Copy(bytes + 50, bytes + 50 + distance, 200);
        Assert.Equal(expected, new Span<byte>(bytes, Length).ToArray());
    }

    [Fact]
    public void No_bytes_at_null_are_legal()
    {
        TMemory.Clear(null, 0);
        TMemory.Fill(null, 0, 1);
        TMemory.Copy(null, null, 0);
    }

    private static void AssertRange(byte* bytes, int count, byte value)
    {
        for (int i = 0; i < Length; i++)
        {
            Assert.Equal(i >= 10 && i < 10 + count ? value : 0xEE, bytes[i]);
        }
    }
}
