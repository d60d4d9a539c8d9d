using SpanHeap.Traced.Collections;
using SpanHeap.Traced.Layouts;

namespace SpanHeap.Traced;

/// <summary>An entry of a <see cref="TracedWeakDictionary{TKey, TValue}"/> that is enumerated. It is valid until the dictionary changes or the scope ends.</summary>
/// <typeparam name="TKey">The type of the block that is the key.</typeparam>
/// <typeparam name="TValue">The type of the block that the value refers to.</typeparam>
public readonly ref struct TracedWeakEntry<TKey, TValue>
    where TKey : unmanaged
    where TValue : unmanaged
{
    private readonly ref WeakEntry _entry;

    internal TracedWeakEntry(ref WeakEntry entry) => _entry = ref entry;

    /// <summary>Gets the key. Like any reference, the result keeps the block, and with it the entry's value, until the scope ends or yields.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended or belongs to another thread.</exception>
    public TracedRef<TKey> GetKey(in TracedScope scope) => Give<TKey>(scope, ref WeakEntryElements.KeyOf(ref _entry));

    /// <summary>Gets the value, which may be nothing. Like any reference, the result keeps the block until the scope ends or yields.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended or belongs to another thread.</exception>
    public TracedRef<TValue> GetValue(in TracedScope scope) => Give<TValue>(scope, ref WeakEntryElements.ValueOf(ref _entry));

    // Nothing else may reach the block, and a marker that is under way would not come to it.
    private static TracedRef<T> Give<T>(in TracedScope scope, ref Traced<byte> field)
        where T : unmanaged => new(scope.Heap.Revive(field.Get(scope).Address));
}
