using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Traced.Collections;

/// <summary>Dictionaries of all sorts beside one of .NET's, in random operations with collections between.</summary>
public sealed class RandomDictionaryTests(ITestOutputHelper output)
{
    private const int Batch = 50;

    [Theory]
    [InlineData(HeapChecks.Standard, 1, 60_000, 500)]
    [InlineData(HeapChecks.Standard, 2, 200_000, 100_000)]
    [InlineData(HeapChecks.Full, 3, 20_000, 200)]
    [InlineData(HeapChecks.Full, 4, 60_000, 60_000)]
    public void Entries_are_those_of_a_model(HeapChecks checks, int seed, int operations, int keys)
    {
        output.WriteLine($"seed {seed}");
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 256 << 10, Checks = checks });
        Quartet quartet = new(heap, new StressRandom((ulong)seed), keys);
        for (int done = 0; done < operations; done += Batch)
        {
            quartet.Step();
            if (done % (operations / 8) == 0)
            {
                heap.Collect();
                quartet.AssertSame();
            }
        }

        heap.CollectAndSweep();
        quartet.AssertSame();
        quartet.AssertNothingElseIsLive();
    }

    private sealed class Quartet
    {
        private readonly TracedHeap _heap;
        private readonly StressRandom _random;
        private readonly int _keys;
        private readonly Dictionary<int, long> _model = [];
        private readonly TracedHandle<TracedDictionary<int, long>> _values;
        private readonly TracedHandle<TracedRefDictionary<int, Node>> _references;
        private readonly TracedHandle<TracedDictionary<Traced<TracedString>, long>> _strings;
        private readonly TracedHandle<TracedRefDictionary<Traced<TracedString>, Node>> _stringReferences;

        public Quartet(TracedHeap heap, StressRandom random, int keys)
        {
            (_heap, _random, _keys) = (heap, random, keys);
            using TracedScope scope = heap.Enter();
            _values = scope.Keep(scope.New<TracedDictionary<int, long>>());
            _references = scope.Keep(scope.New<TracedRefDictionary<int, Node>>());
            _strings = scope.Keep(scope.New<TracedDictionary<Traced<TracedString>, long>>());
            _stringReferences = scope.Keep(scope.New<TracedRefDictionary<Traced<TracedString>, Node>>());
        }

        public void Step()
        {
            using TracedScope scope = _heap.Enter();
            for (int i = 0; i < Batch; i++)
            {
                Operate(scope, _random.Below(_keys), (long)(_random.Next() >> 8));
            }
        }

        public void AssertSame()
        {
            using TracedScope scope = _heap.Enter();
            ref TracedDictionary<int, long> values = ref _values.Get(scope).Value;
            Assert.Equal(
                (_model.Count, _model.Count, _model.Count, _model.Count),
                (values.Count, _references.Get(scope).Value.Count, _strings.Get(scope).Value.Count, _stringReferences.Get(scope).Value.Count));
            foreach ((int key, long value) in _model)
            {
                AssertFound(scope, key, value);
            }

            int count = 0;
            foreach (TracedEntry<int, long> entry in values)
            {
                Assert.Equal(_model[entry.Key], entry.Value);
                count++;
            }

            foreach (TracedEntry<Traced<TracedString>, Traced<Node>> entry in _stringReferences.Get(scope).Value)
            {
                Assert.Equal(_model[int.Parse(entry.Key.Get(scope).Value.Span, null)], entry.Value.Get(scope).Value.Value);
                count++;
            }

            Assert.Equal(2 * _model.Count, count);
        }

        public void AssertNothingElseIsLive()
        {
            using (TracedScope scope = _heap.Enter())
            {
                Clear(scope);
            }

            _heap.CollectAndSweep();
            (long small, long large) = TracedCensus.Take(_heap);

            // Of each: itself, a segment of entries and one of buckets.
            Assert.Equal(12, small + large);
        }

        private void Operate(scoped in TracedScope scope, int key, long value)
        {
            switch (_random.Below(1000))
            {
                case < 400:
                    Set(scope, key, value);
                    break;
                case < 550:
                    Assert.Equal(_model.TryAdd(key, value), _values.Get(scope).Value.TryAdd(scope, key, value));
                    Set(scope, key, _model[key]);
                    break;
                case < 900:
                    Remove(scope, key);
                    break;
                case 999 when _random.OneIn(50):
                    Clear(scope);
                    break;
                default:
                    AssertFound(scope, key, _model.TryGetValue(key, out long known) ? known : null);
                    break;
            }
        }

        private void Set(scoped in TracedScope scope, int key, long value)
        {
            TracedRef<TracedString> text = scope.NewString($"{key}");
            TracedRef<Node> node = ReferenceDictionaryTests.NewNode(scope, value);
            _model[key] = value;
            _values.Get(scope).Value.Set(scope, key, value);
            _references.Get(scope).Value.Set(scope, key, node);
            _strings.Get(scope).Value.Set(scope, text, value);
            _stringReferences.Get(scope).Value.Set(scope, text, node);
        }

        private void Remove(scoped in TracedScope scope, int key)
        {
            TracedRef<TracedString> text = scope.NewString($"{key}");
            bool known = _model.Remove(key);
            Assert.Equal(
                (known, known, known, known),
                (_values.Get(scope).Value.Remove(scope, key), _references.Get(scope).Value.Remove(scope, key),
                    _strings.Get(scope).Value.Remove(scope, text), _stringReferences.Get(scope).Value.Remove(scope, text)));
        }

        private void Clear(scoped in TracedScope scope)
        {
            _model.Clear();
            _values.Get(scope).Value.Clear(scope);
            _references.Get(scope).Value.Clear(scope);
            _strings.Get(scope).Value.Clear(scope);
            _stringReferences.Get(scope).Value.Clear(scope);
        }

        private void AssertFound(scoped in TracedScope scope, int key, long? value)
        {
            TracedRef<TracedString> text = scope.NewString($"{key}");
            Assert.Equal(value, _values.Get(scope).Value.TryGetValue(scope, key, out long one) ? one : null);
            Assert.Equal(value, _references.Get(scope).Value.TryGetValue(scope, key, out TracedRef<Node> two) ? two.Value.Value : null);
            Assert.Equal(value, _strings.Get(scope).Value.TryGetValue(scope, text, out long three) ? three : null);
            Assert.Equal(value, _stringReferences.Get(scope).Value.TryGetValue(scope, text.Value.Span, out TracedRef<Node> four) ? four.Value.Value : null);
        }
    }
}
