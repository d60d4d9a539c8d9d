using System.Runtime.CompilerServices;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>The cache of objects.</summary>
internal sealed class DotnetLru(int capacity, int bucketBits) : ILru
{
    private readonly Entry?[] _buckets = new Entry?[1 << bucketBits];
    private Entry? _first;
    private Entry? _last;
    private int _count;

    public long LookUp(int steps, int keys, ref SplitMix random)
    {
        long hits = 0;
        for (int i = 0; i < steps; i++)
        {
            long key = random.Below(keys);
            ref Entry? bucket = ref _buckets[LruCache.BucketOf(key, bucketBits)];
            Entry? entry = Find(bucket, key);
            if (entry is not null)
            {
                hits++;
                Unlink(entry);
            }
            else
            {
                if (_count == capacity)
                {
                    Evict();
                }

                entry = Add(ref bucket, key);
            }

            LinkFirst(entry);
        }

        return hits;
    }

    public long CountGood()
    {
        long good = 0;
        for (Entry? entry = _first; entry is not null; entry = entry.Next)
        {
            if (entry.Item.Numbers[LruCache.ValueLength - 1] == entry.Key)
            {
                good++;
            }
        }

        return good;
    }

    private static Entry? Find(Entry? entry, long key)
    {
        while (entry is not null && entry.Key != key)
        {
            entry = entry.Chain;
        }

        return entry;
    }

    private Entry Add(ref Entry? bucket, long key)
    {
        _count++;
        var item = new Item();
        for (int i = 0; i < LruCache.ValueLength; i++)
        {
            item.Numbers[i] = key;
        }

        return bucket = new Entry(key, item) { Chain = bucket };
    }

    private void Evict()
    {
        _count--;
        Entry last = _last!;
        Unlink(last);
        ref Entry? link = ref _buckets[LruCache.BucketOf(last.Key, bucketBits)];
        while (link != last)
        {
            link = ref link!.Chain;
        }

        link = last.Chain;
    }

    private void Unlink(Entry entry)
    {
        (entry.Previous is { } before ? ref before.Next : ref _first) = entry.Next;
        (entry.Next is { } after ? ref after.Previous : ref _last) = entry.Previous;
    }

    private void LinkFirst(Entry entry)
    {
        entry.Previous = null;
        entry.Next = _first;
        (_first is { } first ? ref first.Previous : ref _last) = entry;
        _first = entry;
    }

    private sealed class Entry(long key, Item item)
    {
        public Entry? Previous;
        public Entry? Next;
        public Entry? Chain;
        public readonly Item Item = item;
        public readonly long Key = key;
    }

    private sealed class Item
    {
        public NumberList Numbers;
    }

    [InlineArray(LruCache.ValueLength)]
    private struct NumberList
    {
        private long _first;
    }
}
