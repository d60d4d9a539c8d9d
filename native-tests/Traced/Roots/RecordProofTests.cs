using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Roots;

/// <summary>A million weak handles and clean-ups over twenty collections: each clean-up once, and none of them while its block lives.</summary>
[Unguarded("it makes millions of blocks, some microseconds each")]
public sealed class RecordProofTests
{
    private const int Cycles = 20;
    private const int BlocksPerCycle = 50_000;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Of_a_million_weak_handles_and_clean_ups_each_hears_of_its_block_once(int seed)
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(Cycles * BlocksPerCycle);
        Proof proof = new(new StressRandom((ulong)seed), roots);
        for (int cycle = 0; cycle < Cycles; cycle++)
        {
            proof.Make(heap, cycle);
            heap.Collect();

            // Some before their blocks are swept, some after.
            proof.RequireWeakHandles(heap, cycle);
            heap.RunCleanUps();
            proof.RequireCleanUps(cycle);
            if (cycle % 2 == 0)
            {
                heap.FinishSweeping();
            }
        }

        roots.Dispose();
        heap.CollectAndSweep();
        heap.RunCleanUps();
        proof.RequireCleanUps(int.MaxValue);
        TracedStatistics now = heap.GetStatistics();
        Assert.Equal((Cycles * BlocksPerCycle, 0), (now.CleanUpsRun, now.CleanUpsQueued));
        Assert.Equal(Cycles * BlocksPerCycle, now.WeakHandlesCleared);
        Assert.Equal(now.SmallBlocksFreed, now.WeakHandlesCleared);
    }

    private sealed class Proof(StressRandom random, TracedRoots<Node> roots)
    {
        private readonly TracedWeakHandle<Node>[] _weak = new TracedWeakHandle<Node>[Cycles * BlocksPerCycle];

        // The last cycle whose collection finds each block alive; -1 for none.
        private readonly int[] _lastAlive = new int[Cycles * BlocksPerCycle];
        private readonly int[] _runs = new int[Cycles * BlocksPerCycle];
        private int _made;

        public void Make(TracedHeap heap, int cycle)
        {
            for (int end = _made + BlocksPerCycle; _made < end;)
            {
                using TracedScope scope = heap.Enter();
                for (int i = 0; i < 1000; i++, _made++)
                {
                    TracedRef<Node> node = scope.New<Node>();
                    node.Value.Value = _made;
                    _lastAlive[_made] = cycle - 1 + random.Below(4);
                    if (_lastAlive[_made] >= cycle)
                    {
                        roots.Set(scope, _made, node);
                    }

                    _weak[_made] = scope.KeepWeak(node);
                    scope.OnDead(node, static state => Interlocked.Increment(ref state.Proof._runs[state.Number]), (Proof: this, Number: _made));
                }
            }
        }

        // Lets those go that the next collection is to find dead.
        public void RequireWeakHandles(TracedHeap heap, int cycle)
        {
            using TracedScope scope = heap.Enter();
            for (int i = 0; i < _made; i++)
            {
                bool alive = _lastAlive[i] >= cycle;
                Assert.Equal(alive, _weak[i].TryGet(scope, out TracedRef<Node> node));
                Assert.True(!alive || node.Value.Value == i);
                if (_lastAlive[i] == cycle)
                {
                    roots.Set(scope, i, default);
                }
            }
        }

        public void RequireCleanUps(int cycle)
        {
            for (int i = 0; i < _made; i++)
            {
                int expected = _lastAlive[i] >= cycle && cycle != int.MaxValue ? 0 : 1;
                Assert.True(_runs[i] == expected, $"The clean-up of block {i} ran {_runs[i]} times after cycle {cycle}, and should have {expected} times.");
            }
        }
    }
}
