using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Stress;

/// <summary>One thread of a <see cref="ModelRun"/>: its blocks and its random operations.</summary>
internal sealed unsafe class ModelThread(ModelRun run, StressRandom random, bool exchanges)
{
    private const int MostLive = 4000;
    private const int OperationsPerTide = 20_000;
    private const int MaxExchanged = 100;

    // (one in so many, up to so many bytes), the rest is up to 128.
    private static readonly (int OneIn, int Size)[] s_sizes =
        [(100_000, 80 * 1024 * 1024), (3000, 4 * 1024 * 1024), (400, 256 * 1024), (40, 40 * 1024), (12, 8 * 1024), (4, 1024)];

    private readonly NativeHeap _heap = run.Heap;
    private readonly List<ModelBlock> _blocks = [];

    public void Operate(int operations)
    {
        int tide = 0;
        for (int i = 0; i < operations; i++)
        {
            if (i % OperationsPerTide == 0)
            {
                tide = random.OneIn(3) ? random.Below(50) : random.Below(MostLive);
            }

            int what = random.Below(100);
            if (what < 8 && _blocks.Count > 0)
            {
                Reallocate();
            }
            else if (what == 8 && exchanges && random.OneIn(10))
            {
                Exchange();
            }
            else if (what == 9 && random.OneIn(2000))
            {
                _heap.Trim();
            }
            else if (_blocks.Count == 0 || (_blocks.Count < 2 * tide && (_blocks.Count < tide ? what < 70 : what < 50)))
            {
                Allocate();
            }
            else
            {
                run.Free(TakeAny());
            }
        }
    }

    public void FreeAll()
    {
        _blocks.ForEach(run.Free);
        _blocks.Clear();
    }

    private void Allocate()
    {
        nuint size = Size();
        nuint alignment = size <= 8 ? 8u : 16;
        void* block;
        switch (random.Below(10))
        {
            case 0 or 1:
                block = _heap.AllocZeroed(size);
                RequireZero((byte*)block, size);
                break;
            case 2:
                alignment = Alignment();
                block = _heap.AlignedAlloc(size, alignment);
                break;
            case 3:
                block = _heap.GetLocal().Alloc(size);
                break;
            default:
                block = _heap.Alloc(size);
                break;
        }

        Keep(block, size, alignment);
    }

    private void Reallocate()
    {
        ModelBlock old = TakeAny();
        nuint size = random.OneIn(2) ? old.Size + (old.Size / 4) + 1 : Size();
        bool aligned = random.OneIn(5);
        nuint alignment = aligned ? Alignment() : 8;
        nint damaged = old.FindDamage(old.Size);
        Assert.True(damaged < 0, $"the block of {old.Size} bytes at 0x{old.Address:x} has changed at offset {damaged} before it was resized");

        // Another thread may get the old address before this thread has noted the new one.
        run.Shadow.Remove(old);
        void* block = aligned ? _heap.AlignedRealloc((void*)old.Address, size, alignment) : _heap.Realloc((void*)old.Address, size);
        damaged = (old with { Address = (nint)block }).FindDamage(Math.Min(size, old.Size));
        Assert.True(damaged < 0, $"resizing {old.Size} to {size} bytes at 0x{(nint)block:x} lost the contents at offset {damaged}");
        Keep(block, size, alignment);
    }

    private void Keep(void* block, nuint size, nuint alignment)
    {
        Assert.True(block != null && ((nuint)block & (alignment - 1)) == 0, $"0x{(nint)block:x} of {size} bytes is not aligned to {alignment}");
        ModelBlock made = new((nint)block, size, run.NextId());
        run.Shadow.Add(made);
        made.Fill();
        _blocks.Add(made);
    }

    private void Exchange()
    {
        List<ModelBlock> left = [];
        for (int i = Math.Min(random.Below(MaxExchanged), _blocks.Count); i > 0; i--)
        {
            left.Add(TakeAny());
        }

        List<ModelBlock>? taken = run.Exchange(random.Below(int.MaxValue), left);
        _blocks.AddRange(taken ?? []);
    }

    private ModelBlock TakeAny()
    {
        int index = random.Below(_blocks.Count);
        ModelBlock block = _blocks[index];
        _blocks[index] = _blocks[^1];
        _blocks.RemoveAt(_blocks.Count - 1);
        return block;
    }

    private nuint Size()
    {
        int bound = 129;
        foreach ((int oneIn, int size) in s_sizes)
        {
            if (random.OneIn(oneIn))
            {
                bound = size;
                break;
            }
        }

        return (nuint)random.Below(bound);
    }

    private nuint Alignment() => (nuint)1 << (random.OneIn(50) ? random.Below(23) : random.Below(13));

    private static void RequireZero(byte* block, nuint size)
    {
        // Whole where it costs nothing, at the places where the oracle writes otherwise.
        nuint stride = size <= 64 * 1024 ? 1u : 256;
        nuint at = 0;
        while (at < size && block[at] == 0)
        {
            at += stride;
        }

        Assert.True(at >= size, $"byte {at} of a zeroed block of {size} bytes is {(at < size ? block[at] : 0)}");
    }
}
