using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Collections;

namespace SpanHeap;

/// <summary>
/// References by keys without references, in traced memory: <c>scope.New&lt;TracedRefDictionary&lt;TKey, TValue&gt;&gt;()</c> makes an empty one,
/// which a <see cref="Gc{T}"/> or a handle keeps, and which keeps what its values refer to. Never copied as a value.
/// </summary>
/// <typeparam name="TKey">
/// What the keys are: compared and hashed by <see cref="EqualityComparer{T}.Default"/>, which allocates unless they are
/// <see cref="IEquatable{T}"/> and have a <c>GetHashCode</c> of their own.
/// </typeparam>
/// <typeparam name="TValue">What the values refer to.</typeparam>
/// <remarks>
/// <para>
/// All is done within a scope. Entries and buckets lie in segments of 1 MiB, so that the dictionary is limited by memory alone and by
/// 2,147,483,647 entries. Nothing is allocated in managed memory. Enumerated in the order in which entries came, as long as none was removed.
/// </para>
/// <para>Threads may read at the same time, while none changes the dictionary; an entry that is enumerated is of use until the dictionary changes.</para>
/// </remarks>
[SuppressMessage("Naming", "CA1711:Identifiers should not have incorrect suffix", Justification = "It is a dictionary, of keys and values that need a scope.")]
public struct TracedRefDictionary<TKey, TValue> : ITraced<TracedRefDictionary<TKey, TValue>>
    where TKey : unmanaged
    where TValue : unmanaged
{
    private HashTable<TKey, ValueElements<TKey>, Gc<TValue>, ReferenceElements<TValue>> _table;

    static unsafe TracedLayout ITraced<TracedRefDictionary<TKey, TValue>>.Layout { get; } = TracedLayout.OfFields(
        sizeof(TracedRefDictionary<TKey, TValue>), HashTable<TKey, ValueElements<TKey>, Gc<TValue>, ReferenceElements<TValue>>.ReferenceOffsets);

    /// <summary>How many entries it has.</summary>
    public readonly long Count => _table.Count;

    /// <summary>Adds an entry.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">Its key.</param>
    /// <param name="value">Its value: a block of the scope's heap, which is the dictionary's, too; or nothing.</param>
    /// <exception cref="ArgumentException">There is an entry with the key. Nothing has changed.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit. The dictionary is as before.</exception>
    /// <exception cref="InvalidOperationException">
    /// <typeparamref name="TKey"/> has references, which nobody would find; with full checks also: the scope
    /// has ended, or is another thread's.
    /// </exception>
    /// <exception cref="HeapCorruptionException">With full checks: <paramref name="value"/> is no block of the heap. Nothing has changed.</exception>
    public void Add(scoped in GcScope scope, TKey key, GcRef<TValue> value)
    {
        if (!TryAdd(scope, key, value))
        {
            CollectionThrowHelper.KeyKnown(key.ToString()!);
        }
    }

    /// <summary>Adds an entry, if there is none with its key.</summary>
    /// <returns>Whether there was none.</returns>
    /// <inheritdoc cref="Add" path="/param"/>
    /// <inheritdoc cref="Set" path="/exception"/>
    public bool TryAdd(scoped in GcScope scope, TKey key, GcRef<TValue> value)
    {
        if (!Unsafe.IsNullRef(ref _table.Find(scope, new ValueProbe<TKey>(key))))
        {
            return false;
        }

        Put(scope, key, value);
        return true;
    }

    /// <summary>Gives a key a value, whether it has one or not.</summary>
    /// <inheritdoc cref="Add" path="/param"/>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit. The dictionary is as before.</exception>
    /// <exception cref="InvalidOperationException">
    /// <typeparamref name="TKey"/> has references, which nobody would find; with full checks also: the scope
    /// has ended, or is another thread's.
    /// </exception>
    /// <exception cref="HeapCorruptionException">With full checks: <paramref name="value"/> is no block of the heap. Nothing has changed.</exception>
    /// <remarks>The new value of a known key does not end an enumeration.</remarks>
    public void Set(scoped in GcScope scope, TKey key, GcRef<TValue> value)
    {
        ref var entry = ref _table.Find(scope, new ValueProbe<TKey>(key));
        if (Unsafe.IsNullRef(ref entry))
        {
            Put(scope, key, value);
        }
        else
        {
            entry.Value.Set(scope, value);
        }
    }

    /// <summary>The value of a key.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key.</param>
    /// <returns>The value, which may be nothing.</returns>
    /// <exception cref="KeyNotFoundException">There is no entry with the key.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended, or is another thread's.</exception>
    public readonly GcRef<TValue> Get(in GcScope scope, TKey key)
    {
        ref var entry = ref _table.Find(scope, new ValueProbe<TKey>(key));
        if (Unsafe.IsNullRef(ref entry))
        {
            CollectionThrowHelper.KeyNotFound(key.ToString()!);
        }

        return entry.Value.Get(scope);
    }

    /// <summary>The value of a key, if it has one.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">The value; nothing if there is none.</param>
    /// <returns>Whether there is one.</returns>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended, or is another thread's.</exception>
    public readonly bool TryGetValue(in GcScope scope, TKey key, out GcRef<TValue> value)
    {
        ref var entry = ref _table.Find(scope, new ValueProbe<TKey>(key));
        bool found = !Unsafe.IsNullRef(ref entry);
        value = found ? entry.Value.Get(scope) : default;
        return found;
    }

    /// <summary>Whether a key has a value.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key.</param>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended, or is another thread's.</exception>
    public readonly bool ContainsKey(scoped in GcScope scope, TKey key) => !Unsafe.IsNullRef(ref _table.Find(scope, new ValueProbe<TKey>(key)));

    /// <summary>Takes an entry out.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">Its key.</param>
    /// <returns>Whether there was one.</returns>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended, or is another thread's.</exception>
    public bool Remove(scoped in GcScope scope, TKey key) => _table.Remove(scope, new ValueProbe<TKey>(key));

    /// <summary>Takes all entries out. Room for as many as fit in 1 MiB stays.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended, or is another thread's.</exception>
    public void Clear(scoped in GcScope scope) => _table.Clear(scope);

    /// <summary>Makes room, so that the dictionary does not grow before it has so many entries.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="capacity">How many in all.</param>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit. The dictionary is as before.</exception>
    /// <exception cref="InvalidOperationException">
    /// <typeparamref name="TKey"/> has references, which nobody would find; with full checks also: the scope has ended, or is another thread's.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="capacity"/> is negative.</exception>
    public void EnsureCapacity(scoped in GcScope scope, long capacity) => _table.EnsureCapacity(scope, capacity);

    /// <summary>Goes through all entries, for a <c>foreach</c>.</summary>
    [UnscopedRef]
    public Enumerator GetEnumerator() => new(ref _table);

    private void Put(scoped in GcScope scope, TKey key, GcRef<TValue> value)
    {
        int index = _table.Reserve(scope);
        ref var entry = ref _table.EntryAt(index);
        entry.Key = key;
        entry.Value.Set(scope, value);
        _table.Commit(index, new ValueProbe<TKey>(key).Hash);
    }

    /// <summary>What goes through a dictionary. Throws <see cref="InvalidOperationException"/> when entries have come or gone meanwhile.</summary>
    public ref struct Enumerator
    {
        private TableCursor<TKey, ValueElements<TKey>, Gc<TValue>, ReferenceElements<TValue>> _cursor;

        internal Enumerator(ref HashTable<TKey, ValueElements<TKey>, Gc<TValue>, ReferenceElements<TValue>> table) => _cursor = table.Enumerate();

        /// <summary>The entry it has come to.</summary>
        public readonly TracedEntry<TKey, Gc<TValue>> Current => _cursor.Current;

        /// <summary>Goes to the next entry.</summary>
        /// <returns>Whether there is one.</returns>
        /// <exception cref="InvalidOperationException">The dictionary was changed since the enumeration began.</exception>
        public bool MoveNext() => _cursor.MoveNext();
    }
}
