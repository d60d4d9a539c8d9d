using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Micro;

/// <summary>Forty blocks of 64 KiB to 1 MiB are live; an operation replaces one of them by one of another size.</summary>
public abstract unsafe class RandomLarge : AllocatorBenchmark
{
    private const int Live = 40;
    private const uint PageSize = 4096;

    private readonly (int Slot, uint Size)[] _plan = new (int, uint)[Operations];

    protected RandomLarge()
    {
        var random = new Random(1);
        for (int i = 0; i < _plan.Length; i++)
        {
            _plan[i] = (random.Next(Live), (uint)random.Next(64 << 10, (1 << 20) + 1));
        }
    }

    private protected void Replace<T>(bool touch) where T : struct, IAllocator<T>, allows ref struct
    {
        T allocator = T.ForThisThread();
        Span<nuint> live = stackalloc nuint[Live];
        live.Clear();
        foreach ((int slot, uint size) in _plan)
        {
            allocator.Free((void*)live[slot]);
            byte* block = (byte*)allocator.Alloc(size);
            if (touch)
            {
                for (uint at = 0; at < size; at += PageSize)
                {
                    block[at] = 1;
                }
            }

            live[slot] = (nuint)block;
        }

        foreach (nuint block in live)
        {
            allocator.Free((void*)block);
        }
    }
}
