namespace SpanHeap.Traced.Collections;

/// <summary>An entry of a <see cref="HashTable{TKey, TValue, TValues}"/>.</summary>
internal unsafe struct TableEntry<TKey, TValue, TValues> : ITraced<TableEntry<TKey, TValue, TValues>>
    where TKey : unmanaged
    where TValue : unmanaged
    where TValues : struct, IElements<TValue>
{
    public uint Hash;

    /// <summary>
    /// The next entry in the bucket, counted from 1; 0 for none. For a free entry: the next free entry, as the complement of that number.
    /// </summary>
    public int Next;

    public TKey Key;
    public TValue Value;

    public static TracedLayout Layout
    {
        get
        {
            TableEntry<TKey, TValue, TValues> entry = default;
            Span<int> offsets = stackalloc int[2];
            int count = 0;
            Add<TKey>(Keys<TKey>.AreStrings, (int)((byte*)&entry.Key - (byte*)&entry), offsets, ref count);
            Add<TValue>(TValues.AreReferences, (int)((byte*)&entry.Value - (byte*)&entry), offsets, ref count);
            return TracedLayout.OfFields(sizeof(TableEntry<TKey, TValue, TValues>), offsets[..count]);
        }
    }

    private static void Add<T>(bool isReference, int offset, Span<int> offsets, ref int count)
        where T : unmanaged
    {
        if (isReference)
        {
            offsets[count++] = offset;
        }
        else
        {
            ReferenceSearch.RequireNone<T>();
        }
    }
}
