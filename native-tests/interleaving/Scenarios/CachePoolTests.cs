using SpanHeap.Tests.Interleaving.Scheduling;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>Threads that take caches from an empty pool at once share the slabs that they add, and none is told that there is no memory.</summary>
[Trait("Category", "Protocol")]
public sealed class CachePoolTests(ITestOutputHelper output)
{
    [Fact]
    public void M13_A_thread_whose_slab_was_used_up_by_others_adds_another() => Exploration.RunAllAndSeeds(MakeTakers, output, preemptions: 2);

    [Fact]
    public void Schedules_are_the_same_whatever_the_pool_has_before()
    {
        Schedule usual = Exploration.Run(MakeOwners, new RandomOrder(seed: 1));
        for (int left = 0; left < CachePool.CachesPerSlab; left++)
        {
            List<nint> taken = CachePool.TakeAll();
            taken[..left].ForEach(CachePool.Give);
            Schedule schedule = Exploration.Run(MakeOwners, new RandomOrder(seed: 1));
            taken[left..].ForEach(CachePool.Give);
            Assert.Equal(usual.Steps, schedule.Steps);
        }
    }

    private static Scenario MakeTakers()
    {
        EmptyPool pool = new();
        return new Scenario(pool, new("one", () => pool.Take(1)), new("slab", () => pool.Take(CachePool.CachesPerSlab)))
        {
            AtEnd = () => Assert.Equal(CachePool.CachesPerSlab + 1, pool.TakenByThreads),
        };
    }

    private static Scenario MakeOwners()
    {
        ManualWorld world = new();
        return new Scenario(world, new("one", () => world.Free(world.AllocateMany(2))), new("other", () => world.AllocateMany(2)));
    }

    /// <summary>The caches of the process that belong to no heap, of which the test has taken all.</summary>
    private sealed class EmptyPool : IDisposable
    {
        private readonly List<nint> _taken = CachePool.TakeAll();
        private readonly int _before;

        public EmptyPool() => _before = _taken.Count;

        public int TakenByThreads => _taken.Count - _before;

        public void Take(int count)
        {
            for (int i = 0; i < count; i++)
            {
                _taken.Add(CachePool.Take());
            }
        }

        public void Dispose() => _taken.ForEach(CachePool.Give);
    }
}
