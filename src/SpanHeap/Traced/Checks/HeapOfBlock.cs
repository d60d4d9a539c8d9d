using System.Diagnostics.CodeAnalysis;
using SpanHeap.Spans;

namespace SpanHeap.Traced.Checks;

/// <summary>Finds the heap that a block lies in, among those of a list, for code that has no scope at hand.</summary>
internal static class HeapOfBlock
{
    /// <summary>Finds the part of the heap that an address lies in; null if that heap is not in the list.</summary>
    /// <exception cref="NullReferenceException">The address is 0.</exception>
    /// <exception cref="HeapCorruptionException">It lies in no heap.</exception>
    public static T? Find<T>(T[]? heaps, nint block)
        where T : class, IOfHeap
    {
        if (block == 0)
        {
            ThrowNull();
        }

        foreach (T heap in heaps ?? [])
        {
            if (ArenaMap.IsInArenaOf(heap.Serial, block))
            {
                return heap;
            }
        }

        return ArenaMap.Holds(block)
            ? null
            : throw new HeapCorruptionException($"0x{block:x} is used as a traced block but lies in no heap. Was its heap disposed?", block, null);
    }

    /// <summary>Finds the same for the address of a block of some heap. Any other address is undefined behaviour.</summary>
    /// <exception cref="NullReferenceException">The address is 0.</exception>
    public static unsafe T? FindTrusted<T>(T[]? heaps, nint block)
        where T : class, IOfHeap
    {
        if (block == 0)
        {
            ThrowNull();
        }

        ulong serial = ArenaHeader.Descriptor(ArenaHeader.ArenaOf(block))->HeapSerial;
        foreach (T heap in heaps ?? [])
        {
            if (heap.Serial == serial)
            {
                return heap;
            }
        }

        return null;
    }

    [DoesNotReturn]
    [SuppressMessage("Usage", "CA2201:Do not raise reserved exception types", Justification = "It is what happens without checks.")]
    private static void ThrowNull() => throw new NullReferenceException("The reference refers to nothing.");
}
