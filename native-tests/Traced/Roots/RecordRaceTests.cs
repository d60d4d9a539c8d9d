using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Roots;

/// <summary>Threads that make, keep, drop, register, cancel and collect at once, each beside a shadow that knows what must be.</summary>
public sealed class RecordRaceTests
{
    [Theory]
    [InlineData(HeapChecks.Standard, 400)]
    [InlineData(HeapChecks.Full, 60)]
    public void Records_of_four_threads_tell_each_what_is_so(HeapChecks checks, int rounds)
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 1 << 18, Checks = checks });
        Shadow[] shadows = [.. Enumerable.Range(0, 4).Select(number => new Shadow(heap, number))];
        StressThreads.Run(shadows.Length, number =>
        {
            for (int round = 0; round < rounds; round++)
            {
                shadows[number].Change();
                shadows[number].Look();
            }

            shadows[number].DropAll();
        });

        heap.CollectAndSweep();
        heap.RunCleanUps();
        long run = 0;
        long cancelled = 0;
        foreach (Shadow shadow in shadows)
        {
            shadow.RequireAllDead();
            run += shadow.Run;
            cancelled += shadow.Cancelled;
        }

        TracedStatistics now = heap.GetStatistics();
        Assert.Equal((run, cancelled, 0L, 0L), (now.CleanUpsRun, now.CleanUpsCancelled, now.CleanUpsQueued, now.CleanUpsFailed));
        Assert.Equal(now.CleanUpsRegistered, run + cancelled);
        Assert.Equal((0, 0), (now.Handles, now.WeakHandles));
    }

    // One thread's blocks. Its fields are the thread's, but for what clean-ups write.
    private sealed class Shadow(TracedHeap heap, int number)
    {
        private readonly StressRandom _random = new((ulong)number + 101);
        private readonly List<Entry> _entries = [];
        private readonly List<Entry> _dropped = [];
        private int _made;

        public long Run { get; private set; }

        public long Cancelled { get; private set; }

        public void Change()
        {
            using (TracedScope scope = heap.Enter())
            {
                for (int i = 0; i < 30; i++)
                {
                    _entries.Add(Make(scope));
                }
            }

            while (_entries.Count > 100)
            {
                int index = _random.Below(_entries.Count);
                Drop(_entries[index]);
                _entries.RemoveAt(index);
            }

            switch (_random.Below(20))
            {
                case 0:
                    heap.Collect();
                    break;
                case 1:
                    heap.RunCleanUps();
                    break;
                case 2:
                    heap.FinishSweeping();
                    break;
            }
        }

        public void Look()
        {
            using TracedScope scope = heap.Enter();
            foreach (Entry entry in _entries)
            {
                Assert.True(entry.Weak.TryGet(scope, out TracedRef<Node> node) && entry.Weak.IsAlive);
                Assert.Equal(entry.Value, node.Value.Value);
                Assert.True(node.Is(entry.Strong.Get(scope)));
                Assert.Equal((0, 0), (Volatile.Read(ref entry.RunFirst), Volatile.Read(ref entry.RunSecond)));
            }

            foreach (Entry entry in _dropped)
            {
                if (entry.Weak.TryGet(scope, out TracedRef<Node> node))
                {
                    Assert.Equal(entry.Value, node.Value.Value);
                    Assert.Equal((0, 0), (Volatile.Read(ref entry.RunFirst), Volatile.Read(ref entry.RunSecond)));
                }
            }

            Forget(scope);
        }

        public void DropAll()
        {
            _entries.ForEach(Drop);
            _entries.Clear();
        }

        public void RequireAllDead()
        {
            foreach (Entry entry in _dropped)
            {
                Assert.False(entry.Weak.IsAlive);
                Count(entry);
            }
        }

        private Entry Make(in TracedScope scope)
        {
            TracedRef<Node> node = scope.New<Node>();
            Entry entry = new() { Value = ((long)number << 40) + _made++ };
            node.Value.Value = entry.Value;
            entry.Strong = scope.Keep(node);
            entry.Weak = scope.KeepWeak(node);
            entry.First = scope.OnDead(node, static entry => entry.NoteFirst(), entry);
            entry.Second = scope.OnDead(node, static entry => entry.NoteSecond(), entry);
            return entry;
        }

        private void Drop(Entry entry)
        {
            if (_random.OneIn(8))
            {
                entry.IsCancelled = entry.First.TryCancel();
                Assert.True(entry.IsCancelled);
            }

            entry.Strong.Dispose();
            if (!entry.IsCancelled && _random.OneIn(8))
            {
                // It may run at this time.
                entry.IsCancelled = entry.First.TryCancel();
            }

            _dropped.Add(entry);
        }

        // Some of those that are dead, so that their slots are used again.
        private void Forget(in TracedScope scope)
        {
            for (int i = _dropped.Count - 1; i >= 0; i--)
            {
                Entry entry = _dropped[i];
                if (_random.OneIn(4) && Volatile.Read(ref entry.RunSecond) != 0 && !entry.Weak.TryGet(scope, out _))
                {
                    Count(entry);
                    _dropped.RemoveAt(i);
                }
            }
        }

        // The second of a block runs after the first, if that runs at all.
        private void Count(Entry entry)
        {
            Assert.Equal((entry.IsCancelled ? 0 : 1, 1), (entry.RunFirst, entry.RunSecond));
            Run += entry.IsCancelled ? 1 : 2;
            Cancelled += entry.IsCancelled ? 1 : 0;
            entry.Weak.Dispose();
        }
    }

    private sealed class Entry
    {
        public int RunFirst;
        public int RunSecond;

        public long Value { get; init; }

        public TracedHandle<Node> Strong { get; set; }

        public TracedWeakHandle<Node> Weak { get; set; }

        public TracedCleanUp First { get; set; }

        public TracedCleanUp Second { get; set; }

        public bool IsCancelled { get; set; }

        public void NoteFirst() => Interlocked.Increment(ref RunFirst);

        public void NoteSecond() => Interlocked.Increment(ref RunSecond);
    }
}
