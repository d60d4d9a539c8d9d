using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Perf.Traced.Workers;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>The cache of traced blocks: a scope for each batch, so that collections pass between.</summary>
internal sealed class SpanHeapLru : ILru
{
    private readonly SpanHeapSession _session;
    private readonly int _capacity;
    private readonly int _bucketBits;

    // Disposed with its heap.
    private readonly GcHandle<Cache> _cache;
    private int _count;

    public SpanHeapLru(SpanHeapSession session, int capacity, int bucketBits)
    {
        (_session, _capacity, _bucketBits) = (session, capacity, bucketBits);
        using GcScope scope = session.Enter();
        GcRef<Cache> cache = scope.New<Cache>();
        cache.Value.Buckets.Set(in scope, scope.NewArray<Entry>(1L << bucketBits));
        _cache = scope.Keep(cache);
    }

    public long LookUp(int steps, int keys, ref Draw draw)
    {
        using GcScope scope = _session.Enter();
        ref Cache cache = ref _cache.Get(in scope).Value;
        ref TracedArray<Entry> buckets = ref cache.Buckets.Get(in scope).Value;
        long hits = 0;
        for (int i = 0; i < steps; i++)
        {
            long key = draw.Below(keys);
            ref Gc<Entry> bucket = ref buckets[LruCache.BucketOf(key, _bucketBits)];
            GcRef<Entry> entry = Find(in scope, bucket.Get(in scope), key);
            if (!entry.IsNull)
            {
                hits++;
                Unlink(in scope, ref cache, entry);
            }
            else
            {
                if (_count == _capacity)
                    Evict(in scope, ref cache, ref buckets);
                entry = Add(in scope, ref bucket, key);
            }

            LinkFirst(in scope, ref cache, entry);
        }

        return hits;
    }

    public long CountGood()
    {
        using GcScope scope = _session.Enter();
        long good = 0;
        GcRef<Entry> entry = _cache.Get(in scope).Value.First.Get(in scope);
        for (; !entry.IsNull; entry = entry.Value.Next.Get(in scope))
        {
            if (entry.Value.Item.Get(in scope).Value[LruCache.ValueLength - 1] == entry.Value.Key)
                good++;
        }

        return good;
    }

    private static GcRef<Entry> Find([UnscopedRef] in GcScope scope, GcRef<Entry> entry, long key)
    {
        while (!entry.IsNull && entry.Value.Key != key)
            entry = entry.Value.Chain.Get(in scope);
        return entry;
    }

    private GcRef<Entry> Add(in GcScope scope, ref Gc<Entry> bucket, long key)
    {
        _count++;
        GcRef<Item> item = scope.New<Item>();
        for (int i = 0; i < LruCache.ValueLength; i++)
            item.Value[i] = key;
        GcRef<Entry> entry = scope.New<Entry>();
        entry.Value.Key = key;
        entry.Value.Item.Set(in scope, item);
        entry.Value.Chain.Set(in scope, bucket.Get(in scope));
        bucket.Set(in scope, entry);
        return entry;
    }

    private void Evict([UnscopedRef] in GcScope scope, ref Cache cache, ref TracedArray<Entry> buckets)
    {
        _count--;
        GcRef<Entry> last = cache.Last.Get(in scope);
        Unlink(in scope, ref cache, last);
        ref Gc<Entry> link = ref buckets[LruCache.BucketOf(last.Value.Key, _bucketBits)];
        for (GcRef<Entry> at = link.Get(in scope); !at.Is(last); at = link.Get(in scope))
            link = ref at.Value.Chain;
        link.Set(in scope, last.Value.Chain.Get(in scope));
    }

    private static void Unlink(scoped in GcScope scope, ref Cache cache, GcRef<Entry> entry)
    {
        GcRef<Entry> before = entry.Value.Previous.Get(in scope);
        GcRef<Entry> after = entry.Value.Next.Get(in scope);
        (before.IsNull ? ref cache.First : ref before.Value.Next).Set(in scope, after);
        (after.IsNull ? ref cache.Last : ref after.Value.Previous).Set(in scope, before);
    }

    private static void LinkFirst(scoped in GcScope scope, ref Cache cache, GcRef<Entry> entry)
    {
        GcRef<Entry> first = cache.First.Get(in scope);
        entry.Value.Previous.Set(in scope, default);
        entry.Value.Next.Set(in scope, first);
        (first.IsNull ? ref cache.Last : ref first.Value.Previous).Set(in scope, entry);
        cache.First.Set(in scope, entry);
    }

    private struct Cache : ITraced<Cache>
    {
        public Gc<TracedArray<Entry>> Buckets;
        public Gc<Entry> First;
        public Gc<Entry> Last;

        public static TracedLayout Layout { get; } = TracedLayout.OfFields(24, 0, 8, 16);
    }

    private struct Entry : ITraced<Entry>
    {
        public Gc<Entry> Previous;
        public Gc<Entry> Next;
        public Gc<Entry> Chain;
        public Gc<Item> Item;
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
