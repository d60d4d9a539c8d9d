using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Tests.Interleaving.Scheduling;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>Threads that take caches from an empty pool at once share the slabs that they add, and none is told that there is no memory.</summary>
[Trait("Category", "Protocol")]
public sealed class CachePoolTests(ITestOutputHelper output)
{
    private const int CachesPerSlab = 8;

    [Fact]
    public void M13_A_thread_whose_slab_was_used_up_by_others_adds_another() => Exploration.RunAllAndSeeds(Make, output, preemptions: 2);

    private static Scenario Make()
    {
        EmptyPool pool = new();
        return new Scenario(pool, new("one", () => pool.Take(1)), new("slab", () => pool.Take(CachesPerSlab)))
        {
            AtEnd = () => Assert.Equal(CachesPerSlab + 1, pool.TakenByThreads),
        };
    }

    /// <summary>The caches of the process that belong to no heap, of which the test has taken all.</summary>
    private sealed unsafe class EmptyPool : IDisposable
    {
        private const ulong Serial = 1;

        private readonly OsMemory _os = new();
        private readonly List<nint> _taken = [];
        private readonly int _before;

        public EmptyPool()
        {
            for (int slabs = ThreadCachePool.Slabs; ThreadCachePool.Slabs == slabs;)
            {
                Take(1);
            }

            Take(CachesPerSlab - 1);
            _before = _taken.Count;
        }

        public int TakenByThreads => _taken.Count - _before;

        public void Take(int count)
        {
            for (int i = 0; i < count; i++)
            {
                ThreadCache* cache = ThreadCachePool.TryTake(_os, Serial);
                Assert.True(cache != null, "The system has memory, and a thread got no cache.");
                _taken.Add((nint)cache);
            }
        }

        public void Dispose() => _taken.ForEach(cache => ThreadCachePool.Give((ThreadCache*)cache, _os));
    }
}
