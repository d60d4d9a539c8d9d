namespace SpanHeap.Perf.Micro;

/// <summary>Allocate and free; the block is not written to.</summary>
public unsafe class PlainPairUntouched : SizedBenchmark
{
    private protected override void Loop<T>()
    {
        T allocator = T.ForThisThread();
        nuint size = (nuint)Size;
        for (int i = 0; i < Operations; i++)
        {
            byte* block = (byte*)allocator.Alloc(size);
            allocator.Free(block);
        }
    }
}
