namespace SpanHeap.Perf.Micro;

/// <summary>Allocate, write a byte, free.</summary>
public unsafe class PlainPair : SizedBenchmark
{
    private protected override void Loop<T>()
    {
        T allocator = T.ForThisThread();
        nuint size = (nuint)Size;
        for (int i = 0; i < Operations; i++)
        {
            byte* block = (byte*)allocator.Alloc(size);
            *block = 1;
            allocator.Free(block);
        }
    }
}
