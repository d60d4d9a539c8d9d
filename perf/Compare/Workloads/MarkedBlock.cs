using System.Runtime.CompilerServices;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>
/// A block in one word with the byte that was written to its ends, so that the thread that frees it can tell whether it was handed out twice or
/// overwritten, without knowing its size.
/// </summary>
internal readonly unsafe struct MarkedBlock
{
    // User addresses have at most 48 bits on the systems this runs on.
    private const int MarkShift = 48;
    private const ulong AddressMask = (1UL << MarkShift) - 1;

    private readonly ulong _word;

    private MarkedBlock(ulong word) => _word = word;

    public void* Address => (void*)(_word & AddressMask);

    /// <summary>1 if the block's first byte is not the mark any more, else 0.</summary>
    public int Wrong => *(byte*)Address == (byte)(_word >> MarkShift) ? 0 : 1;

    /// <summary>Writes the first and the last byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static MarkedBlock Write(void* block, uint size, uint mark)
    {
        ((byte*)block)[0] = (byte)mark;
        ((byte*)block)[size - 1] = (byte)mark;
        return Of(block, mark);
    }

    /// <summary>For a block whose first byte holds the mark already.</summary>
    public static MarkedBlock Of(void* block, uint mark) => new((ulong)block | ((ulong)(byte)mark << MarkShift));
}
