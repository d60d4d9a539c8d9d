namespace SpanHeap;

/// <summary>An entry of a dictionary that is enumerated: good until the dictionary changes.</summary>
/// <typeparam name="TKey">What the key is: a <see cref="Gc{T}"/> where keys are strings.</typeparam>
/// <typeparam name="TValue">What the value is: a <see cref="Gc{T}"/> where values are references.</typeparam>
public readonly ref struct TracedEntry<TKey, TValue>
    where TKey : unmanaged
    where TValue : unmanaged
{
    private readonly ref readonly TKey _key;
    private readonly ref TValue _value;

    internal TracedEntry(ref readonly TKey key, ref TValue value)
    {
        _key = ref key;
        _value = ref value;
    }

    /// <summary>The key.</summary>
    public ref readonly TKey Key => ref _key;

    /// <summary>The value, which may be changed in place.</summary>
    public ref TValue Value => ref _value;
}
