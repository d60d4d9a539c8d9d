using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Traced.Collections;
using SpanHeap.Traced.Layouts;

namespace SpanHeap.Traced;

/// <summary>
/// A dictionary in traced memory that adds values to blocks without keeping the blocks: the collection that finds a key unreachable removes its entry. A
/// value does not keep its own key reachable. <c>scope.New&lt;TracedWeakDictionary&lt;TKey, TValue&gt;&gt;()</c> makes an empty one, which a
/// <see cref="Traced{T}"/> or a handle keeps. It must not be copied by value.
/// </summary>
/// <typeparam name="TKey">The type of the blocks that are keys; <see cref="byte"/> for untyped blocks. Two keys are the same if they are the same block.</typeparam>
/// <typeparam name="TValue">The type of the blocks that the values refer to; <see cref="byte"/> for untyped blocks.</typeparam>
/// <remarks>
/// <para>
/// All operations need a scope; <see cref="Count"/> and enumeration do not take it, and are not checked after its end. The dictionary keeps a value as long as it is itself kept and its key lives. What leads to a key through values of keys that
/// live keeps it alive; what leads to it only through its own value, or through values of other keys that die, does not. (Such entries are known as
/// ephemerons; <see cref="ConditionalWeakTable{TKey, TValue}"/> has them for managed objects.)
/// </para>
/// <para>
/// Entries go in the collection that finds their keys dead, together with the weak handles of these blocks and before their clean-ups
/// (<see cref="TracedScope.OnDead"/>) run. A clean-up keeps no block alive, so a block to which only dead blocks with clean-ups refer is a dead key, too.
/// Within a scope, entries do not go by themselves.
/// </para>
/// <para>
/// Entries and buckets lie in segments of at most 1 MiB, so only memory and a maximum of 2,147,483,647 entries limit the dictionary. It allocates no
/// managed memory. A collection looks at each entry two to four times, for a few nanoseconds each, while threads are kept out; a minor one only at the entries
/// of segments that were written to since the collection before.
/// </para>
/// <para>
/// Threads may read concurrently while no thread changes the dictionary; an entry that is enumerated is valid until the dictionary changes.
/// </para>
/// </remarks>
[SuppressMessage("Naming", "CA1711:Identifiers should not have incorrect suffix", Justification = "It is a dictionary, of keys and values that need a scope.")]
public struct TracedWeakDictionary<TKey, TValue> : ITraced<TracedWeakDictionary<TKey, TValue>>
    where TKey : unmanaged
    where TValue : unmanaged
{
    private WeakHashTable _table;

    static unsafe TracedLayout ITraced<TracedWeakDictionary<TKey, TValue>>.Layout { get; } = TracedLayout.OfFields(
        sizeof(TracedWeakDictionary<TKey, TValue>), WeakHashTable.ReferenceOffsets);

    /// <summary>
    /// Gets the number of entries. Those whose keys the last collection, or an earlier one, has found dead do not count; those whose keys have become
    /// unreachable since do. It takes a step for each segment of 32,768 entries.
    /// </summary>
    public readonly long Count => _table.Count;

    /// <summary>Adds an entry whose key the dictionary does not have yet.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key: a block of the heap that the scope and the dictionary belong to.</param>
    /// <param name="value">A block of that heap, which may refer to the key, or nothing.</param>
    /// <exception cref="ArgumentException">There is already an entry with the key. Nothing has changed.</exception>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> refers to nothing.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit. The dictionary is as before.</exception>
    /// <exception cref="InvalidOperationException">
    /// With full checks: the scope has ended or belongs to another thread, or the dictionary is not in the scope's heap.
    /// </exception>
    /// <exception cref="HeapCorruptionException">
    /// With full checks: <paramref name="key"/> or <paramref name="value"/> is not a block of the heap. Nothing has changed.
    /// </exception>
    public void Add(scoped in TracedScope scope, TracedRef<TKey> key, TracedRef<TValue> value)
    {
        if (!TryAdd(scope, key, value))
        {
            CollectionThrowHelper.KeyKnown(key.ToString());
        }
    }

    /// <summary>Adds an entry, unless the dictionary already has one with the same key.</summary>
    /// <returns>Whether the entry was added.</returns>
    /// <inheritdoc cref="Add" path="/param"/>
    /// <inheritdoc cref="Set" path="/exception"/>
    public bool TryAdd(scoped in TracedScope scope, TracedRef<TKey> key, TracedRef<TValue> value)
    {
        if (!Unsafe.IsNullRef(ref _table.Find(scope, key.Address)))
        {
            return false;
        }

        _table.Add(scope, key.Address, value.Address);
        return true;
    }

    /// <summary>Sets the value of a key, whether or not the dictionary already has the key.</summary>
    /// <inheritdoc cref="Add" path="/param"/>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> refers to nothing.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit. The dictionary is as before.</exception>
    /// <exception cref="InvalidOperationException">
    /// With full checks: the scope has ended or belongs to another thread, or the dictionary is not in the scope's heap.
    /// </exception>
    /// <exception cref="HeapCorruptionException">
    /// With full checks: <paramref name="key"/> or <paramref name="value"/> is not a block of the heap. Nothing has changed.
    /// </exception>
    /// <remarks>The new value of a known key does not end an enumeration.</remarks>
    public void Set(scoped in TracedScope scope, TracedRef<TKey> key, TracedRef<TValue> value)
    {
        ref WeakEntry entry = ref _table.Find(scope, key.Address);
        if (Unsafe.IsNullRef(ref entry))
        {
            _table.Add(scope, key.Address, value.Address);
        }
        else
        {
            WeakEntryElements.ValueOf(ref entry).Set(scope, value.As<byte>());
        }
    }

    /// <summary>Gets the value of a key that the dictionary has.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key.</param>
    /// <returns>The value, which may be nothing.</returns>
    /// <exception cref="KeyNotFoundException">There is no entry with the key.</exception>
    /// <inheritdoc cref="TryGetValue" path="/exception"/>
    public readonly TracedRef<TValue> Get(in TracedScope scope, TracedRef<TKey> key)
    {
        if (!TryGetValue(scope, key, out TracedRef<TValue> value))
        {
            CollectionThrowHelper.KeyNotFound(key.ToString());
        }

        return value;
    }

    /// <summary>Gets the value of a key, if the dictionary has the key.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">The value, or nothing if the dictionary does not have the key.</param>
    /// <returns>Whether the dictionary has the key.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="key"/> refers to nothing.</exception>
    /// <exception cref="InvalidOperationException">
    /// With full checks: the scope has ended or belongs to another thread, or the dictionary is not in the scope's heap.
    /// </exception>
    /// <exception cref="HeapCorruptionException">With full checks: <paramref name="key"/> is not a block of the heap.</exception>
    public readonly bool TryGetValue(in TracedScope scope, scoped TracedRef<TKey> key, out TracedRef<TValue> value)
    {
        ref WeakEntry entry = ref _table.Find(scope, key.Address);
        bool found = !Unsafe.IsNullRef(ref entry);
        value = found ? WeakEntryElements.ValueOf(ref entry).Get(scope).As<TValue>() : default;
        return found;
    }

    /// <summary>Determines whether the dictionary has an entry with a key.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key.</param>
    /// <inheritdoc cref="TryGetValue" path="/exception"/>
    public readonly bool ContainsKey(scoped in TracedScope scope, TracedRef<TKey> key) => !Unsafe.IsNullRef(ref _table.Find(scope, key.Address));

    /// <summary>Removes the entry with a key, if there is one.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="key">The key of the entry.</param>
    /// <returns>Whether there was an entry with the key.</returns>
    /// <inheritdoc cref="TryGetValue" path="/exception"/>
    public bool Remove(scoped in TracedScope scope, TracedRef<TKey> key) => _table.Remove(scope, key.Address);

    /// <summary>Removes all entries. Capacity for at most 32,768 remains.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <exception cref="InvalidOperationException">
    /// With full checks: the scope has ended or belongs to another thread, or the dictionary is not in the scope's heap.
    /// </exception>
    public void Clear(scoped in TracedScope scope) => _table.Clear(scope);

    /// <summary>
    /// Ensures that the dictionary can hold a given number of entries without growing. Entries that have lost their keys may take places until the dictionary
    /// would grow.
    /// </summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="capacity">The total number of entries.</param>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit. The dictionary is as before.</exception>
    /// <exception cref="InvalidOperationException">
    /// With full checks: the scope has ended or belongs to another thread, or the dictionary is not in the scope's heap.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="capacity"/> is negative.</exception>
    public void EnsureCapacity(scoped in TracedScope scope, long capacity) => _table.EnsureCapacity(scope, capacity);

    /// <summary>Enumerates all entries, for <c>foreach</c>, in no particular order.</summary>
    [UnscopedRef]
    public Enumerator GetEnumerator() => new(ref _table);

    /// <summary>Enumerates a dictionary. It throws <see cref="InvalidOperationException"/> if entries were added or removed meanwhile.</summary>
    public ref struct Enumerator
    {
        private readonly ref WeakHashTable _table;
        private readonly int _version;
        private ref WeakEntry _entry;
        private int _next;

        internal Enumerator(ref WeakHashTable table)
        {
            _table = ref table;
            _version = table.Version;
        }

        /// <summary>Gets the current entry. It is undefined before the first and after the last <see cref="MoveNext"/>.</summary>
        public readonly TracedWeakEntry<TKey, TValue> Current => new(ref _entry);

        /// <summary>Advances to the next entry.</summary>
        /// <returns>Whether there is a next entry.</returns>
        /// <exception cref="InvalidOperationException">The dictionary has changed since the enumeration began.</exception>
        public bool MoveNext()
        {
            if (_version != _table.Version)
            {
                CollectionThrowHelper.ChangedMeanwhile();
            }

            // An entry that is free, or has lost its key, has none.
            while (_next < _table.Used)
            {
                _entry = ref _table.EntryAt(_next++);
                if (_entry.Key != 0)
                {
                    return true;
                }
            }

            return false;
        }
    }
}
