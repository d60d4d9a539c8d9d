using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Traced.Collections;

namespace SpanHeap.Traced;

/// <summary>
/// A dictionary in traced memory whose values have no references and whose keys are values or strings.
/// <c>scope.New&lt;TracedDictionary&lt;TKey, TValue&gt;&gt;()</c> makes an empty one, which a <see cref="Traced{T}"/> or a handle keeps, and which
/// keeps its keys. It must not be copied by value.
/// </summary>
/// <typeparam name="TKey">
/// The type of the keys: <c>Traced&lt;TracedString&gt;</c> for strings, which are compared by their bytes, or any type without references, which
/// <see cref="EqualityComparer{T}.Default"/> compares and hashes. Unless such a type implements <see cref="IEquatable{T}"/> and overrides
/// <c>GetHashCode</c>, comparing allocates managed memory.
/// </typeparam>
/// <typeparam name="TValue">The type of the values.</typeparam>
/// <remarks>
/// <para>
/// All operations need a scope. Entries and buckets lie in segments of 1 MiB, so only memory and a maximum of 2,147,483,647 entries limit the
/// dictionary. It allocates no managed memory. Entries are enumerated in the order in which they were added, as long as none was removed.
/// </para>
/// <para>
/// A dictionary whose keys are strings has the methods of <see cref="TracedDictionaryExtensions"/> too, which take keys as references; <c>TryGetValue</c> also takes UTF-8 text.
/// </para>
/// <para>Threads may read concurrently while no thread changes the dictionary; a reference to a value is valid until the dictionary changes.</para>
/// </remarks>
[SuppressMessage("Naming", "CA1711:Identifiers should not have incorrect suffix", Justification = "It is a dictionary, of keys and values that need a scope.")]
public struct TracedDictionary<TKey, TValue> : ITraced<TracedDictionary<TKey, TValue>>
    where TKey : unmanaged
    where TValue : unmanaged
{
    private HashTable<TKey, TValue, ValueElements<TValue>> _table;

    static unsafe TracedLayout ITraced<TracedDictionary<TKey, TValue>>.Layout { get; } = TracedLayout.OfFields(
        sizeof(TracedDictionary<TKey, TValue>), HashTable<TKey, TValue, ValueElements<TValue>>.ReferenceOffsets);

    /// <summary>Gets the number of entries.</summary>
    public readonly long Count => _table.Count;

    /// <summary>Adds an entry whose key the dictionary does not have yet.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key of the entry.</param>
    /// <param name="value">The value of the entry.</param>
    /// <exception cref="ArgumentException">There is already an entry with the key. Nothing has changed.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit. The dictionary is as before.</exception>
    /// <exception cref="InvalidOperationException">
    /// <typeparamref name="TKey"/> or <typeparamref name="TValue"/> has references, which no collection would find; with full checks also: the scope
    /// has ended, or is another thread's.
    /// </exception>
    public void Add(scoped in TracedScope scope, TKey key, TValue value)
    {
        if (!TryAdd(scope, key, value))
        {
            CollectionThrowHelper.KeyKnown(new KeyProbe<TKey>(key).ToString());
        }
    }

    /// <summary>Adds an entry, unless the dictionary already has one with the same key.</summary>
    /// <returns>Whether the entry was added.</returns>
    /// <inheritdoc cref="Add" path="/param"/>
    /// <inheritdoc cref="Set" path="/exception"/>
    public bool TryAdd(scoped in TracedScope scope, TKey key, TValue value)
    {
        KeyProbe<TKey> probe = new(key);
        ref TValue place = ref _table.FindOrReserve(scope, probe, out int reserved);
        if (reserved == HashTable<TKey, TValue, ValueElements<TValue>>.Known)
        {
            return false;
        }

        place = value;
        _table.Commit(reserved, probe.Hash);
        return true;
    }

    /// <summary>Sets the value of a key, whether or not the dictionary already has the key.</summary>
    /// <inheritdoc cref="Add" path="/param"/>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit. The dictionary is as before.</exception>
    /// <exception cref="InvalidOperationException">
    /// <typeparamref name="TKey"/> or <typeparamref name="TValue"/> has references, which no collection would find; with full checks also: the scope
    /// has ended, or is another thread's.
    /// </exception>
    /// <remarks>The new value of a known key does not end an enumeration.</remarks>
    public void Set(scoped in TracedScope scope, TKey key, TValue value)
    {
        KeyProbe<TKey> probe = new(key);
        _table.FindOrReserve(scope, probe, out int reserved) = value;
        if (reserved != HashTable<TKey, TValue, ValueElements<TValue>>.Known)
        {
            _table.Commit(reserved, probe.Hash);
        }
    }

    /// <summary>Gets the value of a key that the dictionary has.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key.</param>
    /// <returns>A reference to the value, to read or write it in place.</returns>
    /// <exception cref="KeyNotFoundException">There is no entry with the key.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended or belongs to another thread.</exception>
    public readonly ref TValue Get(in TracedScope scope, TKey key)
    {
        ref var entry = ref _table.Find(scope, new KeyProbe<TKey>(key));
        if (Unsafe.IsNullRef(ref entry))
        {
            CollectionThrowHelper.KeyNotFound(new KeyProbe<TKey>(key).ToString());
        }

        return ref entry.Value;
    }

    /// <summary>Gets a reference to the value of a key, after adding an entry with the default value if the dictionary does not have the key.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key.</param>
    /// <param name="exists">Whether the dictionary had the key before the call.</param>
    /// <returns>A reference to the value, to read or write it in place. It is valid until the dictionary changes.</returns>
    /// <inheritdoc cref="Set" path="/exception"/>
    public ref TValue GetOrAddDefault(scoped in TracedScope scope, TKey key, out bool exists)
    {
        KeyProbe<TKey> probe = new(key);
        ref TValue place = ref _table.FindOrReserve(scope, probe, out int reserved);
        exists = reserved == HashTable<TKey, TValue, ValueElements<TValue>>.Known;
        if (!exists)
        {
            // The place may have the value of an entry that was removed.
            place = default;
            _table.Commit(reserved, probe.Hash);
        }

        return ref place;
    }

    /// <summary>Gets the value of a key, if the dictionary has the key.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">The value, or the default value if the dictionary does not have the key.</param>
    /// <returns>Whether the dictionary has the key.</returns>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended or belongs to another thread.</exception>
    public readonly bool TryGetValue(scoped in TracedScope scope, TKey key, out TValue value) =>
        TryFind(scope, new KeyProbe<TKey>(key), out value);

    /// <summary>Determines whether the dictionary has an entry with a key.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key.</param>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended or belongs to another thread.</exception>
    public readonly bool ContainsKey(scoped in TracedScope scope, TKey key) => !Unsafe.IsNullRef(ref _table.Find(scope, new KeyProbe<TKey>(key)));

    /// <summary>Removes the entry with a key, if there is one.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key of the entry.</param>
    /// <returns>Whether there was an entry with the key.</returns>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended or belongs to another thread.</exception>
    public bool Remove(scoped in TracedScope scope, TKey key) => _table.Remove(scope, new KeyProbe<TKey>(key));

    /// <summary>Removes all entries. Capacity for as many as fit in 1 MiB remains.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended or belongs to another thread.</exception>
    public void Clear(scoped in TracedScope scope) => _table.Clear(scope);

    /// <summary>Ensures that the dictionary can hold a given number of entries without growing.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="capacity">The total number of entries.</param>
    /// <inheritdoc cref="Set" path="/exception"/>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="capacity"/> is negative.</exception>
    public void EnsureCapacity(scoped in TracedScope scope, long capacity) => _table.EnsureCapacity(scope, capacity);

    /// <summary>Enumerates all entries, for <c>foreach</c>.</summary>
    [UnscopedRef]
    public Enumerator GetEnumerator() => new(ref _table);

    internal readonly bool TryFind<TProbe>(scoped in TracedScope scope, scoped TProbe probe, out TValue value)
        where TProbe : IProbe<TKey>, allows ref struct
    {
        ref var entry = ref _table.Find(scope, probe);
        bool found = !Unsafe.IsNullRef(ref entry);
        value = found ? entry.Value : default;
        return found;
    }

    /// <summary>Enumerates a dictionary. It throws <see cref="InvalidOperationException"/> if entries were added or removed meanwhile.</summary>
    public ref struct Enumerator
    {
        private TableCursor<TKey, TValue, ValueElements<TValue>> _cursor;

        internal Enumerator(ref HashTable<TKey, TValue, ValueElements<TValue>> table) => _cursor = table.Enumerate();

        /// <summary>Gets the current entry.</summary>
        public readonly TracedEntry<TKey, TValue> Current => _cursor.Current;

        /// <summary>Advances to the next entry.</summary>
        /// <returns>Whether there is a next entry.</returns>
        /// <exception cref="InvalidOperationException">The dictionary has changed since the enumeration began.</exception>
        public bool MoveNext() => _cursor.MoveNext();
    }
}
