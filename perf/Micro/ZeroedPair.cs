namespace SpanHeap.Perf.Micro;

/// <summary>Allocate zeroed, write a byte (so that there is something to zero the next time), free.</summary>
public unsafe class ZeroedPair : SizedBenchmark
{
    private protected override void Loop<T>()
    {
        T allocator = T.ForThisThread();
        nuint size = (nuint)Size;
        for (int i = 0; i < Operations; i++)
        {
            byte* block = (byte*)allocator.AllocZeroed(size);
            *block = 1;
            allocator.Free(block);
        }
    }
}
