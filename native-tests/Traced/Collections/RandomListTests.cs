using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Traced.Collections;

/// <summary>Lists of values and of references beside a list of .NET's, in random operations with collections between.</summary>
public sealed class RandomListTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(HeapChecks.Standard, 1, 20_000, 0)]
    [InlineData(HeapChecks.Standard, 2, 3000, 200_000)]
    [InlineData(HeapChecks.Full, 3, 10_000, 0)]
    [InlineData(HeapChecks.Full, 4, 300, 140_000)]
    public void Entries_are_those_of_a_model(HeapChecks checks, int seed, int operations, int first)
    {
        output.WriteLine($"seed {seed}");
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 64 << 10, Checks = checks });
        Pair pair = new(heap, new StressRandom((ulong)seed));
        pair.Fill(first);
        for (int done = 0; done < operations; done += Pair.Batch)
        {
            pair.Step();
            if (done % (10 * Pair.Batch) == 0)
            {
                heap.Collect();
                pair.AssertSame();
            }
        }

        heap.CollectAndSweep();
        pair.AssertSame();
        pair.AssertNothingElseIsLive();
    }

    private sealed class Pair
    {
        public const int Batch = 20;

        private readonly TracedHeap _heap;
        private readonly StressRandom _random;
        private readonly List<long> _model = [];
        private readonly TracedHandle<TracedList<long>> _values;
        private readonly TracedHandle<TracedRefList<Node>> _references;
        private long _made;

        public Pair(TracedHeap heap, StressRandom random)
        {
            (_heap, _random) = (heap, random);
            using TracedScope scope = heap.Enter();
            _values = scope.Keep(scope.New<TracedList<long>>());
            _references = scope.Keep(scope.New<TracedRefList<Node>>());
        }

        public void Fill(int count)
        {
            for (int i = 0; i < count;)
            {
                using TracedScope scope = _heap.Enter();
                for (int last = Math.Min(count, i + 1000); i < last; i++)
                {
                    Insert(scope, _model.Count);
                }
            }
        }

        public void Step()
        {
            using TracedScope scope = _heap.Enter();
            for (int i = 0; i < Batch; i++)
            {
                Operate(scope);
            }
        }

        public void AssertSame()
        {
            using TracedScope scope = _heap.Enter();
            ref TracedList<long> values = ref _values.Get(scope).Value;
            ref TracedRefList<Node> references = ref _references.Get(scope).Value;
            Assert.Equal((_model.Count, _model.Count), (values.Count, references.Count));
            int at = 0;
            foreach (long entry in values)
            {
                Assert.True(entry == _model[at] && values[at] == entry, $"entry {at}");
                at++;
            }

            foreach (ref Traced<Node> entry in references)
            {
                Assert.True(entry.Get(scope).Value.Value == _model[at - _model.Count], $"reference {at - _model.Count}");
                at++;
            }

            Assert.Equal(2 * _model.Count, at);
        }

        public void AssertNothingElseIsLive()
        {
            using (TracedScope scope = _heap.Enter())
            {
                _values.Get(scope).Value.Clear(scope);
                _references.Get(scope).Value.Clear(scope);
            }

            _heap.CollectAndSweep();
            (long small, long large) = TracedCensus.Take(_heap);
            Assert.InRange(small + large, 4, 4);
        }

        private void Operate(scoped in TracedScope scope)
        {
            int count = _model.Count;
            int index = _random.Below(count + 1);
            switch (_random.Below(100))
            {
                case < 40:
                    Insert(scope, count);
                    break;
                case < 55:
                    Insert(scope, index);
                    break;
                case < 70 when index < count:
                    _model.RemoveAt(index);
                    _values.Get(scope).Value.RemoveAt(scope, index);
                    _references.Get(scope).Value.RemoveAt(scope, index);
                    break;
                case < 85 when count > 0:
                    Assert.Equal(_model[^1], _values.Get(scope).Value.RemoveLast(scope));
                    Assert.Equal(_model[^1], _references.Get(scope).Value.RemoveLast(scope).Value.Value);
                    _model.RemoveAt(count - 1);
                    break;
                case < 99 when index < count:
                    _model[index] = ++_made;
                    _values.Get(scope).Value[index] = _made;
                    _references.Get(scope).Value[index].Set(scope, NewNode(scope, _made));
                    break;
                case 99 when _random.OneIn(20) && count < 1000:
                    _model.Clear();
                    _values.Get(scope).Value.Clear(scope);
                    _references.Get(scope).Value.Clear(scope);
                    break;
            }
        }

        private void Insert(scoped in TracedScope scope, int index)
        {
            _made++;
            TracedRef<Node> node = NewNode(scope, _made);
            if (index == _model.Count)
            {
                _values.Get(scope).Value.Add(scope, _made);
                _references.Get(scope).Value.Add(scope, node);
            }
            else
            {
                _values.Get(scope).Value.Insert(scope, index, _made);
                _references.Get(scope).Value.Insert(scope, index, node);
            }

            _model.Insert(index, _made);
        }

        private static TracedRef<Node> NewNode(in TracedScope scope, long number)
        {
            TracedRef<Node> node = scope.New<Node>();
            node.Value.Value = number;
            return node;
        }
    }
}
