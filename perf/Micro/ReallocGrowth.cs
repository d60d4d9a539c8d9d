namespace SpanHeap.Perf.Micro;

/// <summary>A buffer that grows from 16 B to 1 MiB by a quarter at a time, again and again; an operation is one step.</summary>
public unsafe class ReallocGrowth : AllocatorBenchmark
{
    private const uint First = 16;
    private const uint Last = 1 << 20;

    private protected override void Loop<T>()
    {
        T allocator = T.ForThisThread();
        byte* buffer = null;
        nuint size = First;
        for (int i = 0; i < Operations; i++)
        {
            buffer = (byte*)allocator.Realloc(buffer, size);
            buffer[size - 1] = 1;
            if (size == Last)
            {
                allocator.Free(buffer);
                buffer = null;
                size = First;
                continue;
            }

            size = nuint.Min(size + size / 4, Last);
        }

        allocator.Free(buffer);
    }
}
