namespace SpanHeap.Perf.Micro;

/// <summary>Allocate at a cache line, write a byte, free.</summary>
public unsafe class AlignedPair : SizedBenchmark
{
    private protected override void Loop<T>()
    {
        T allocator = T.ForThisThread();
        nuint size = (nuint)Size;
        for (int i = 0; i < Operations; i++)
        {
            byte* block = (byte*)allocator.AlignedAlloc(size, 64);
            *block = 1;
            allocator.AlignedFree(block);
        }
    }
}
