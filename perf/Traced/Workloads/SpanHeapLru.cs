using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Traced.Workers;
using SpanHeap.Traced;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>The cache of traced blocks: a scope for each batch, so that collections pass between.</summary>
internal sealed class SpanHeapLru : ILru
{
    private readonly SpanHeapSession _session;
    private readonly int _capacity;
    private readonly int _bucketBits;

    // Disposed with its heap.
    private readonly TracedHandle<Cache> _cache;
    private int _count;

    public SpanHeapLru(SpanHeapSession session, int capacity, int bucketBits)
    {
        (_session, _capacity, _bucketBits) = (session, capacity, bucketBits);
        using TracedScope scope = session.Enter();
        TracedRef<Cache> cache = scope.New<Cache>();
        cache.Value.Buckets.Set(in scope, scope.NewArray<Entry>(1L << bucketBits));
        _cache = scope.Keep(cache);
    }

    public long LookUp(int steps, int keys, ref SplitMix random)
    {
        using TracedScope scope = _session.Enter();
        ref Cache cache = ref _cache.Get(in scope).Value;
        ref TracedArray<Entry> buckets = ref cache.Buckets.Get(in scope).Value;
        long hits = 0;
        for (int i = 0; i < steps; i++)
        {
            long key = random.Below(keys);
            ref Traced<Entry> bucket = ref buckets[LruCache.BucketOf(key, _bucketBits)];
            TracedRef<Entry> entry = Find(in scope, bucket.Get(in scope), key);
            if (!entry.IsNull)
            {
                hits++;
                Unlink(in scope, ref cache, entry);
            }
            else
            {
                if (_count == _capacity)
                {
                    Evict(in scope, ref cache, ref buckets);
                }

                entry = Add(in scope, ref bucket, key);
            }

            LinkFirst(in scope, ref cache, entry);
        }

        return hits;
    }

    public long CountGood()
    {
        using TracedScope scope = _session.Enter();
        long good = 0;
        TracedRef<Entry> entry = _cache.Get(in scope).Value.First.Get(in scope);
        for (; !entry.IsNull; entry = entry.Value.Next.Get(in scope))
        {
            if (entry.Value.Item.Get(in scope).Value[LruCache.ValueLength - 1] == entry.Value.Key)
            {
                good++;
            }
        }

        return good;
    }

    private static TracedRef<Entry> Find([UnscopedRef] in TracedScope scope, TracedRef<Entry> entry, long key)
    {
        while (!entry.IsNull && entry.Value.Key != key)
        {
            entry = entry.Value.Chain.Get(in scope);
        }

        return entry;
    }

    private TracedRef<Entry> Add(in TracedScope scope, ref Traced<Entry> bucket, long key)
    {
        _count++;
        TracedRef<Item> item = scope.New<Item>();
        for (int i = 0; i < LruCache.ValueLength; i++)
        {
            item.Value[i] = key;
        }

        TracedRef<Entry> entry = scope.New<Entry>();
        entry.Value.Key = key;
        entry.Value.Item.Set(in scope, item);
        entry.Value.Chain.Set(in scope, bucket.Get(in scope));
        bucket.Set(in scope, entry);
        return entry;
    }

    private void Evict([UnscopedRef] in TracedScope scope, ref Cache cache, ref TracedArray<Entry> buckets)
    {
        _count--;
        TracedRef<Entry> last = cache.Last.Get(in scope);
        Unlink(in scope, ref cache, last);
        ref Traced<Entry> link = ref buckets[LruCache.BucketOf(last.Value.Key, _bucketBits)];
        for (TracedRef<Entry> at = link.Get(in scope); !at.Is(last); at = link.Get(in scope))
        {
            link = ref at.Value.Chain;
        }

        link.Set(in scope, last.Value.Chain.Get(in scope));
    }

    private static void Unlink(scoped in TracedScope scope, ref Cache cache, TracedRef<Entry> entry)
    {
        TracedRef<Entry> before = entry.Value.Previous.Get(in scope);
        TracedRef<Entry> after = entry.Value.Next.Get(in scope);
        (before.IsNull ? ref cache.First : ref before.Value.Next).Set(in scope, after);
        (after.IsNull ? ref cache.Last : ref after.Value.Previous).Set(in scope, before);
    }

    private static void LinkFirst(scoped in TracedScope scope, ref Cache cache, TracedRef<Entry> entry)
    {
        TracedRef<Entry> first = cache.First.Get(in scope);
        entry.Value.Previous.Set(in scope, default);
        entry.Value.Next.Set(in scope, first);
        (first.IsNull ? ref cache.Last : ref first.Value.Previous).Set(in scope, entry);
        cache.First.Set(in scope, entry);
    }

    private struct Cache : ITraced<Cache>
    {
        public Traced<TracedArray<Entry>> Buckets;
        public Traced<Entry> First;
        public Traced<Entry> Last;

        public static TracedLayout Layout { get; } = TracedLayout.OfFields(24, 0, 8, 16);
    }

    private struct Entry : ITraced<Entry>
    {
        public Traced<Entry> Previous;
        public Traced<Entry> Next;
        public Traced<Entry> Chain;
        public Traced<Item> Item;
        public long Key;

        public static TracedLayout Layout { get; } = TracedLayout.OfFields(40, 0, 8, 16, 24);
    }

    [InlineArray(LruCache.ValueLength)]
    private struct Item : ITraced<Item>
    {
        private long _first;

        public static TracedLayout Layout => TracedLayout.NoPointers;
    }
}
