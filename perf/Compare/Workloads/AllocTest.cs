using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Compare.AccessPatterns;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>
/// After OLogN's alloc-test as it is described: of 262,144 places one is chosen, 80 % of the time from a fifth of them, and so on within that; a
/// block that is there is freed, an empty place gets one of up to 1 KiB, filled. An operation is one choice.
/// </summary>
internal sealed unsafe class AllocTest(int threads) : Workload(threads)
{
    private const int TotalPlaces = 1 << 18;
    private const int Steps = 300_000;
    private const int Chunks = 50;
    private const int StepsPerChunk = Steps / Chunks;

    /// <summary>
    /// Eighty to twenty, six times over: how likely a choice falls in each part of the places. Read backwards it says how large the parts are.
    /// </summary>
    private static readonly double[] s_pareto = [.262144, .393216, .24576, .08192, .01536, .001536, .000064];

    private readonly int _places = TotalPlaces / threads;
    private readonly Step[][] _plans = [.. Enumerable.Range(0, threads).Select(_ => GC.AllocateUninitializedArray<Step>(Steps, pinned: true))];
    private readonly Place[][] _blocks =
        [.. Enumerable.Range(0, threads).Select(_ => GC.AllocateArray<Place>(TotalPlaces / threads, pinned: true))];

    public override long Operations => (long)Steps * Threads;

    public override bool ShowsIdle => true;

    public override void Prepare()
    {
        SizeDistribution sizes = Sizes.HalvedPerDoubling();
        for (int thread = 0; thread < Threads; thread++)
        {
            var random = new Random(thread);
            foreach (ref Step step in _plans[thread].AsSpan())
            {
                step = new Step(ChoosePlace(random), sizes(random));
            }
        }
    }

    /// <summary>Half of the places get blocks, as they would in time.</summary>
    public override void Fill<T>() => RunOnThreads(thread =>
    {
        T allocator = T.ForThisThread();
        for (int i = 0; i < _places; i += 2)
        {
            uint size = _plans[thread][i % Steps].Size;
            byte* block = (byte*)allocator.Alloc(size);
            EveryByte.Write(block, size, (uint)i);
            _blocks[thread][i] = new Place(block, size);
        }
    });

    public override void Run<T>() => RunOnThreads(thread =>
    {
        fixed (Step* plan = _plans[thread])
        fixed (Place* places = _blocks[thread])
        {
            for (int i = 0; i < Chunks; i++)
            {
                Loop(T.ForThisThread(), plan + (i * StepsPerChunk), plan + ((i + 1) * StepsPerChunk), places);
            }
        }
    });

    public override void Drain<T>() => RunOnThreads(thread =>
    {
        T allocator = T.ForThisThread();
        foreach (Place place in _blocks[thread])
        {
            allocator.Free(place.Block);
        }

        Array.Clear(_blocks[thread]);
    });

    /// <summary>Each block is looked at when it is freed.</summary>
    public override void Verify() { }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Loop<T>(T allocator, Step* step, Step* end, Place* places) where T : struct, IAllocator<T>, allows ref struct
    {
        for (; step != end; step++)
        {
            Place* place = places + step->Place;
            uint tag = (uint)step->Place;
            if (place->Block != null)
            {
                if (!EveryByte.Holds(place->Block, place->Size, tag))
                {
                    WrongContentsException.ThrowOverwritten((nuint)place->Block, place->Size);
                }

                allocator.Free(place->Block);
                *place = default;
            }
            else
            {
                byte* block = (byte*)allocator.Alloc(step->Size);
                EveryByte.Write(block, step->Size, tag);
                *place = new Place(block, step->Size);
            }
        }
    }

    private int ChoosePlace(Random random)
    {
        double choice = random.NextDouble(), first = 0;
        for (int part = 0; part < s_pareto.Length; part++)
        {
            double share = s_pareto[^(part + 1)];
            if (choice < s_pareto[part])
            {
                return Math.Min(_places - 1, (int)(_places * (first + (share * random.NextDouble()))));
            }

            choice -= s_pareto[part];
            first += share;
        }

        return _places - 1;
    }

    private readonly record struct Step(int Place, uint Size);

    private readonly struct Place(byte* block, uint size)
    {
        public byte* Block { get; } = block;

        public uint Size { get; } = size;
    }
}
