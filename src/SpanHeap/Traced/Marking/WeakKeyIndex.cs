using System.Numerics;
using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Traced.Layouts;

namespace SpanHeap.Traced.Marking;

/// <summary>
/// The weak entries whose keys are not marked yet, by key. A marker that reaches a key finds its entries here, so that no entry has to be looked at again and
/// again until its key is marked.
/// </summary>
/// <remarks>Used by one marker. Its memory comes from the system for one search, and goes back after it.</remarks>
internal sealed unsafe class WeakKeyIndex(OsMemory os, MetadataAllocator metadata)
{
    private const long LeastCapacity = 64;
    private const ulong Golden = 0x9e3779b97f4a7c15;

    // Places in one block of memory: the buckets, then the nodes. Null while the index is not in use.
    private Node** _buckets;
    private Node* _nodes;
    private int _shift;
    private nuint _bytes;
    private long _capacity;
    private long _count;

    /// <summary>Whether a marker has to look here for each block that it looks into.</summary>
    public bool IsInUse => _buckets != null;

    /// <summary>Makes an empty index; false if there is no memory for it. Without it, the first entry that is added makes one.</summary>
    /// <param name="capacity">The number of entries that there is room for: at least 1.</param>
    public bool TryMake(long capacity)
    {
        ulong buckets = BitOperations.RoundUpToPowerOf2((ulong)Math.Max(capacity, 2));
        nuint bytes = checked((nuint)(buckets * (ulong)sizeof(Node*)) + ((nuint)capacity * (nuint)sizeof(Node)));
        Node** made = (Node**)os.Allocate(OsCall.AllocateMetadata, bytes, zeroed: true);
        if (made == null)
        {
            return false;
        }

        metadata.Count((long)bytes);
        _buckets = made;
        _nodes = (Node*)(made + buckets);
        _shift = 64 - BitOperations.Log2(buckets);
        _bytes = bytes;
        _capacity = capacity;
        _count = 0;
        return true;
    }

    /// <summary>Adds an entry; false if there is no memory for it.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="key">Its key, which is not marked.</param>
    public bool TryAdd(WeakEntry* entry, nint key)
    {
        if ((_buckets == null || _count == _capacity) && !TryGrow())
        {
            return false;
        }

        Insert(entry, key);
        return true;
    }

    /// <summary>Marks the values of the entries whose key a marker has reached, and takes these entries out.</summary>
    /// <returns>The number of entries that were looked at.</returns>
    public long MarkValues(nint key, Marker marker)
    {
        long steps = 0;
        for (Node** link = BucketOf(key); *link != null; steps++)
        {
            Node* node = *link;
            if (node->Key != key)
            {
                link = &node->Next;
                continue;
            }

            *link = node->Next;

            // While threads go on, the entry may be another's by now: that one is found when all entries are looked at in the end.
            if (Volatile.Read(ref node->Entry->Key) == key)
            {
                marker.Visit(Volatile.Read(ref node->Entry->Value));
            }
        }

        return steps;
    }

    /// <summary>Ends the use of the index, if it is in use.</summary>
    public void Drop()
    {
        Free(_buckets, _bytes);
        _buckets = null;
        _nodes = null;
        _capacity = 0;
    }

    // Makes an index twice as large, with the entries that are left.
    private bool TryGrow()
    {
        Node** buckets = _buckets;
        Node** end = (Node**)_nodes;
        nuint bytes = _bytes;
        if (!TryMake(Math.Max(LeastCapacity, 2 * _capacity)))
        {
            return false;
        }

        for (Node** bucket = buckets; bucket != end; bucket++)
        {
            for (Node* node = *bucket; node != null; node = node->Next)
            {
                Insert(node->Entry, node->Key);
            }
        }

        Free(buckets, bytes);
        return true;
    }

    private void Free(Node** buckets, nuint bytes)
    {
        if (buckets != null)
        {
            metadata.Count(-(long)bytes);
            os.Free(buckets);
        }
    }

    private void Insert(WeakEntry* entry, nint key)
    {
        Node** bucket = BucketOf(key);
        Node* node = _nodes + _count++;
        *node = new Node { Entry = entry, Key = key, Next = *bucket };
        *bucket = node;
    }

    // The high bits of the product depend on all bits of the address.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Node** BucketOf(nint key) => _buckets + (nint)(((ulong)key * Golden) >> _shift);

    private struct Node
    {
        public WeakEntry* Entry;
        public nint Key;
        public Node* Next;
    }
}
