using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Caches;

namespace SpanHeap.Perf.Allocators.Limit;

/// <summary>Fills the stacks of all threads: for each class a list of blocks at hand, and chunks that blocks are cut from.</summary>
internal static unsafe class LimitDepot
{
    /// <summary>Half a stack moves at a time, so that a thread at either end of its stack does not come back at once.</summary>
    private const int Half = LimitCaches.StackCapacity / 2;

    /// <summary>A chunk holds blocks of one class and is aligned to its size, so that an address tells its number.</summary>
    private const int ChunkLog = 22;
    private const nuint ChunkSize = (nuint)1 << ChunkLog;

    /// <summary>Chunks whose numbers differ by a multiple of it cannot both be had.</summary>
    private const int TableSize = 1 << 16;

    /// <summary>Chunks begin at offsets of their own: at the same ones, the first blocks of all classes would share a few sets of the caches.</summary>
    private const nuint Shift = 4096 + 64;

    /// <summary>What is cut from a chunk at a time, in bytes, if that is more than one block and less than half a stack.</summary>
    private const nuint Cut = 64 << 10;

    /// <summary>The class of each chunk; dense, as the system hands out neighbouring addresses.</summary>
    private static readonly byte* s_classes = (byte*)NativeMemory.AllocZeroed(TableSize);

    private static readonly HashSet<nint> s_taken = [];

    private static readonly Bin[] s_bins = [.. Enumerable.Range(0, LimitSizes.Count).Select(_ => new Bin())];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint ClassOf(void* block) => *EntryOf((nuint)block);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void* Refill(ClassStack* stack, uint sizeClass)
    {
        Bin bin = s_bins[sizeClass];
        lock (bin.Lock)
        {
            int count = Math.Min(Half, bin.Count);
            if (count > 0)
            {
                bin.Count -= count;
                new ReadOnlySpan<nint>(bin.Blocks + bin.Count, count).CopyTo(new Span<nint>(stack->Base, count));
                stack->Top = stack->Base + count;
            }
            else
            {
                CutBlocks(bin, stack, sizeClass);
            }
        }

        ClassStack.TryPop(stack, out void* block);
        return block;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Flush(ClassStack* stack, uint sizeClass, void* block)
    {
        Bin bin = s_bins[sizeClass];
        lock (bin.Lock)
        {
            bin.MakeRoom(Half);
            // The oldest go; what was freed last is in the processor's caches.
            new ReadOnlySpan<nint>(stack->Base, Half).CopyTo(new Span<nint>(bin.Blocks + bin.Count, Half));
            bin.Count += Half;
        }

        int kept = stack->Count - Half;
        new ReadOnlySpan<nint>(stack->Base + Half, kept).CopyTo(new Span<nint>(stack->Base, kept));
        stack->Top = stack->Base + kept;
        ClassStack.TryPush(stack, block);
    }

    private static void CutBlocks(Bin bin, ClassStack* stack, uint sizeClass)
    {
        nuint size = LimitSizes.SizeOf(sizeClass);
        if (bin.ChunkEnd - bin.ChunkNext < size)
        {
            nuint chunk = NewChunk(sizeClass);
            bin.ChunkNext = chunk + (sizeClass * Shift);
            bin.ChunkEnd = chunk + ChunkSize;
        }

        nuint count = Math.Clamp(Cut / size, 1, (nuint)Half);
        count = nuint.Min(count, (bin.ChunkEnd - bin.ChunkNext) / size);
        // The lowest address is popped first.
        for (nuint i = count; i-- > 0;)
        {
            *stack->Top++ = (nint)(bin.ChunkNext + (i * size));
        }

        bin.ChunkNext += count * size;
    }

    private static nuint NewChunk(uint sizeClass)
    {
        nuint chunk = (nuint)NativeMemory.AlignedAlloc(ChunkSize, ChunkSize);
        // The bins have a lock each; two of them must not take the same entry.
        lock (s_taken)
        {
            if (!s_taken.Add((nint)EntryOf(chunk)))
            {
                throw new NotSupportedException("The limit cannot tell this memory from other memory of its own.");
            }

            *EntryOf(chunk) = (byte)sizeClass;
        }

        return chunk;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* EntryOf(nuint block) => s_classes + ((block >> ChunkLog) & (TableSize - 1));

    /// <summary>One class.</summary>
    private sealed class Bin
    {
        private int _capacity;

        public Lock Lock { get; } = new();

        public nint* Blocks { get; private set; }

        public int Count { get; set; }

        public nuint ChunkNext { get; set; }

        public nuint ChunkEnd { get; set; }

        public void MakeRoom(int count)
        {
            if (Count + count <= _capacity)
            {
                return;
            }

            _capacity = 2 * (Count + count);
            Blocks = (nint*)NativeMemory.Realloc(Blocks, (nuint)_capacity * (nuint)sizeof(nint));
        }
    }
}
