using System.Runtime.InteropServices;
using SpanHeap.Os;

namespace SpanHeap.Tests.Os;

public sealed unsafe class MemoryClearingTests : IDisposable
{
    private const nuint Margin = 100_000;
    private const nuint Bytes = MemoryClearing.SmallestDiscarded + (2 * Margin);
    private readonly OsMemory _os = new();
    private readonly byte* _memory = (byte*)NativeMemory.Alloc(Bytes);

    public MemoryClearingTests() => NativeMemory.Fill(_memory, Bytes, 0x5A);

    public void Dispose() => NativeMemory.Free(_memory);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4096)]
    [InlineData(70_001)]
    public void Exactly_the_bytes_asked_for_become_zero(int offset)
    {
        Clear((nuint)offset, MemoryClearing.SmallestDiscarded + 12_345);
        Clear((nuint)offset + MemoryClearing.SmallestDiscarded + 20_000, 5000);
        Assert.Equal(OsMemory.DiscardedPagesAreZero ? 1 : 0, _os.Calls(OsCall.Discard));
    }

    [Fact]
    public void Fewer_bytes_are_written_to()
    {
        Clear(0, MemoryClearing.SmallestDiscarded - 1);
        Assert.Equal(0, _os.Calls(OsCall.Discard));
    }

    [Fact]
    public void What_the_system_refuses_to_discard_is_written_to()
    {
        _os.FailAll(OsCall.Discard);
        Clear(17, MemoryClearing.SmallestDiscarded);
    }

    private void Clear(nuint offset, nuint byteCount)
    {
        MemoryClearing.Clear(_os, _memory + offset, byteCount);
        Assert.Equal(-1, new Span<byte>(_memory + offset, (int)byteCount).IndexOfAnyExcept((byte)0));
        Assert.Equal(0x5A, _memory[offset + byteCount]);
        Assert.True(offset == 0 || _memory[offset - 1] == 0x5A);
    }
}
