namespace SpanHeap.Perf.Micro;

/// <summary>A thousand blocks of 64 B, each written to, then freed in the same order; an operation is one block.</summary>
public unsafe class SmallBatch : AllocatorBenchmark
{
    private const uint Size = 64;

    private readonly nuint[] _blocks = new nuint[Operations];

    private protected override void Loop<T>()
    {
        T allocator = T.ForThisThread();
        nuint[] blocks = _blocks;
        for (int i = 0; i < blocks.Length; i++)
        {
            byte* block = (byte*)allocator.Alloc(Size);
            *block = 1;
            blocks[i] = (nuint)block;
        }

        foreach (nuint block in blocks)
        {
            allocator.Free((void*)block);
        }
    }
}
