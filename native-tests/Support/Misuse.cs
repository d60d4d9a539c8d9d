namespace SpanHeap.Tests.Support;

/// <summary>What a heap must do with a pointer that is not one of its blocks.</summary>
internal static unsafe class Misuse
{
    /// <summary>Every operation that takes a block refuses the pointer, says why, and leaves the heap as it was.</summary>
    public static void AssertRefused(NativeHeap heap, nint pointer, MisuseKind kind)
    {
        HeapStatistics before = heap.GetStatistics();
        AssertThrows(kind, pointer, () => heap.Free((void*)pointer));
        AssertThrows(kind, pointer, () => heap.AlignedFree((void*)pointer));
        AssertThrows(kind, pointer, () => heap.Realloc((void*)pointer, 10));
        AssertThrows(kind, pointer, () => heap.Realloc((void*)pointer, 1 << 20));
        AssertThrows(kind, pointer, () => heap.AlignedRealloc((void*)pointer, 100, 64));
        AssertThrows(kind, pointer, () => heap.UsableSize((void*)pointer));
        AssertLocalThrows(heap, kind, pointer);
        AssertUnchanged(heap, before);
    }

    /// <summary>Free alone refuses the pointer: what the other operations do with it is not promised.</summary>
    public static void AssertFreeRefused(NativeHeap heap, nint pointer, MisuseKind kind)
    {
        HeapStatistics before = heap.GetStatistics();
        AssertThrows(kind, pointer, () => heap.Free((void*)pointer));
        AssertUnchanged(heap, before);
    }

    /// <summary>The heap is sound and serves requests of every kind.</summary>
    public static void AssertGoesOn(NativeHeap heap)
    {
        heap.Verify();
        nuint[] sizes = [0, 16, 5000, 100_000, 5 << 20];
        nint[] blocks = [.. sizes.Select(size => (nint)heap.Alloc(size))];
        for (int i = 0; i < blocks.Length; i++)
        {
            blocks[i] = (nint)heap.Realloc((void*)blocks[i], sizes[^(i + 1)]);
        }

        Array.ForEach(blocks, block => heap.Free((void*)block));
        heap.Verify();
    }

    private static void AssertUnchanged(NativeHeap heap, HeapStatistics before)
    {
        HeapStatistics after = heap.GetStatistics();
        Assert.Equal(
            (before.LiveBlocks, before.LiveBytes, before.CachedBlocks, before.PagesInUse, before.MisuseCount),
            (after.LiveBlocks, after.LiveBytes, after.CachedBlocks, after.PagesInUse, after.MisuseCount));
        AssertGoesOn(heap);
    }

    private static void AssertThrows(MisuseKind kind, nint pointer, Action action)
    {
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(action);
        Assert.Equal((kind, pointer), (error.Kind, error.Address));
        Assert.Contains($"0x{pointer:x}", error.Message, StringComparison.Ordinal);
    }

    // A ref struct cannot be captured.
    private static void AssertLocalThrows(NativeHeap heap, MisuseKind kind, nint pointer)
    {
        AssertThrows(kind, pointer, () => heap.GetLocal().Free((void*)pointer));
        AssertThrows(kind, pointer, () => heap.GetLocal().Realloc((void*)pointer, 10));
    }
}
