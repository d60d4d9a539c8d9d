using System.Diagnostics.CodeAnalysis;
using SpanHeap.Spans;

namespace SpanHeap.Tracing;

/// <summary>The heaps with traced memory and full checks, to be found by the address of a block: for who has no scope at hand.</summary>
/// <remarks>Thread safe. Of the process; a heap is in it until it is disposed.</remarks>
internal static class CheckedHeaps
{
    // Null while there are none. Replaced as a whole, by compare-exchange, by who makes or disposes a heap; read by anybody. Who has a
    // block of a heap has got it from, or by way of, the thread that made the heap, and so reads an array that has it. No initializer:
    // the fast path would have to ask whether it has run.
    private static TracedHeap[]? s_heaps;

    /// <summary>Whether there are any.</summary>
    public static bool Any => s_heaps != null;

    public static void Add(TracedHeap heap)
    {
        TracedHeap[]? known;
        do
        {
            known = Volatile.Read(ref s_heaps);
        }
        while (Interlocked.CompareExchange(ref s_heaps, [.. known ?? [], heap], known) != known);
    }

    /// <summary>Takes a heap out; nothing, if it is not there.</summary>
    public static void Remove(TracedHeap heap)
    {
        TracedHeap[]? known;
        TracedHeap[] left;
        do
        {
            known = Volatile.Read(ref s_heaps);
            left = [.. (known ?? []).Where(other => other != heap)];
        }
        while (Interlocked.CompareExchange(ref s_heaps, left.Length != 0 ? left : null, known) != known);
    }

    /// <summary>An address must be a live block whose heap the calling thread has a scope of; heaps without full checks are not asked.</summary>
    /// <exception cref="NullReferenceException">It is 0.</exception>
    /// <exception cref="InvalidOperationException">The thread is in no scope of the heap.</exception>
    /// <exception cref="HeapCorruptionException">It is no live block.</exception>
    public static void RequireUsable(nint block) => Find(block)?.RequireUsable(block);

    /// <summary>The same, and another must be nothing or a live block of the same heap.</summary>
    /// <inheritdoc cref="RequireUsable" path="/exception"/>
    public static void RequireStorable(nint block, nint value)
    {
        TracedHeap? heap = Find(block);
        heap?.RequireUsable(block);
        heap?.RequireBlock(value);
    }

    // The heap that an address lies in; null if that is one without full checks.
    private static TracedHeap? Find(nint block)
    {
        if (block == 0)
        {
            ThrowNull();
        }

        foreach (TracedHeap heap in Volatile.Read(ref s_heaps) ?? [])
        {
            if (ArenaMap.IsInArenaOf(heap.Serial, block))
            {
                return heap;
            }
        }

        return ArenaMap.Holds(block)
            ? null
            : throw new HeapCorruptionException($"0x{block:x} is used as a traced block and lies in no heap. Was its heap disposed?", block, null);
    }

    [DoesNotReturn]
    [SuppressMessage("Usage", "CA2201:Do not raise reserved exception types", Justification = "It is what happens without checks.")]
    private static void ThrowNull() => throw new NullReferenceException("The reference refers to nothing.");
}
