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

    /// <summary>Makes an empty index; false if there is no memory for it.</summary>
    /// <param name="capacity">The number of entries that there is room for: at least 1.</param>
    public bool TryMake(long capacity)
    {
        ulong buckets = BitOperations.RoundUpToPowerOf2((ulong)Math.Max(capacity, 2));
        _bytes = checked((nuint)(buckets * (ulong)sizeof(Node*)) + ((nuint)capacity * (nuint)sizeof(Node)));
        _buckets = (Node**)os.Allocate(OsCall.AllocateMetadata, _bytes, zeroed: true);
        if (_buckets == null)
        {
            return false;
        }

        metadata.Count((long)_bytes);
        _nodes = (Node*)(_buckets + buckets);
        _shift = 64 - BitOperations.Log2(buckets);
        _capacity = capacity;
        _count = 0;
        return true;
    }

    /// <summary>Adds an entry, if there is room. One that is not added must be looked at once more.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="key">Its key, which is not marked.</param>
    public void Add(WeakEntry* entry, nint key)
    {
        if (_count < _capacity)
        {
            Node** bucket = BucketOf(key);
            Node* node = _nodes + _count++;
            *node = new Node { Entry = entry, Key = key, Next = *bucket };
            *bucket = node;
        }
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
        if (_buckets != null)
        {
            metadata.Count(-(long)_bytes);
            os.Free(_buckets);
            _buckets = null;
            _nodes = null;
        }
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
