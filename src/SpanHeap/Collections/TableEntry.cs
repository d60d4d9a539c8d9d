using SpanHeap.Layouts;

namespace SpanHeap.Collections;

/// <summary>An entry of a <see cref="HashTable{TKey, TKeys, TValue, TValues}"/>.</summary>
internal unsafe struct TableEntry<TKey, TKeys, TValue, TValues> : ITraced<TableEntry<TKey, TKeys, TValue, TValues>>
    where TKey : unmanaged
    where TKeys : struct, IElements<TKey>
    where TValue : unmanaged
    where TValues : struct, IElements<TValue>
{
    public uint Hash;

    /// <summary>
    /// The entry behind it in its bucket, counted from 1; 0 for none. Of a free entry: the free one behind it, as the complement of the same.
    /// </summary>
    public int Next;

    public TKey Key;
    public TValue Value;

    public static TracedLayout Layout
    {
        get
        {
            TableEntry<TKey, TKeys, TValue, TValues> entry = default;
            Span<int> offsets = stackalloc int[2];
            int count = 0;
            Add<TKey, TKeys>((int)((byte*)&entry.Key - (byte*)&entry), offsets, ref count);
            Add<TValue, TValues>((int)((byte*)&entry.Value - (byte*)&entry), offsets, ref count);
            return TracedLayout.OfFields(sizeof(TableEntry<TKey, TKeys, TValue, TValues>), offsets[..count]);
        }
    }

    private static void Add<T, TElements>(int offset, Span<int> offsets, ref int count)
        where T : unmanaged
        where TElements : struct, IElements<T>
    {
        if (TElements.AreReferences)
        {
            offsets[count++] = offset;
        }
        else
        {
            ReferenceSearch.RequireNone<T>();
        }
    }
}
