namespace SpanHeap.Traced.Collections;

/// <summary>Enumerates a table, as long as the table does not change.</summary>
internal ref struct TableCursor<TKey, TValue, TValues>
    where TKey : unmanaged
    where TValue : unmanaged
    where TValues : struct, IElements<TValue>
{
    private readonly ref HashTable<TKey, TValue, TValues> _table;
    private readonly int _version;
    private ref TableEntry<TKey, TValue, TValues> _entry;
    private int _next;

    public TableCursor(ref HashTable<TKey, TValue, TValues> table)
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
