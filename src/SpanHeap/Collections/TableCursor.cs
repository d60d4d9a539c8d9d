namespace SpanHeap.Collections;

/// <summary>Goes through a table, as long as the table stays as it is.</summary>
internal ref struct TableCursor<TKey, TKeys, TValue, TValues>
    where TKey : unmanaged
    where TKeys : struct, IElements<TKey>
    where TValue : unmanaged
    where TValues : struct, IElements<TValue>
{
    private readonly ref HashTable<TKey, TKeys, TValue, TValues> _table;
    private readonly int _version;
    private ref TableEntry<TKey, TKeys, TValue, TValues> _entry;
    private int _next;

    public TableCursor(ref HashTable<TKey, TKeys, TValue, TValues> table)
    {
        _table = ref table;
        _version = table.Version;
    }

    public readonly TracedEntry<TKey, TValue> Current => new(ref _entry.Key, ref _entry.Value);

    public bool MoveNext()
    {
        if (_version != _table.Version)
        {
            CollectionThrowHelper.ChangedMeanwhile();
        }

        while (_next < _table.Used)
        {
            _entry = ref _table.EntryAt(_next++);
            if (_entry.Next >= 0)
            {
                return true;
            }
        }

        return false;
    }
}
