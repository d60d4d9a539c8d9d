using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Measurement;

/// <summary>The first half of all loops over a batch of blocks of one size.</summary>
internal static unsafe class BlockBatch
{
    /// <summary>Allocates so many blocks and writes its number to each.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Fill<T>(T allocator, nuint* blocks, int count, nuint size) where T : struct, IAllocator<T>, allows ref struct
    {
        for (int i = 0; i < count; i++)
        {
            int* block = (int*)allocator.Alloc(size);
            *block = i;
            blocks[i] = (nuint)block;
        }
    }
}
