namespace SpanHeap.Traced;

/// <summary>An entry of a dictionary that is enumerated. It is valid until the dictionary changes.</summary>
/// <typeparam name="TKey">The type of the key: a <see cref="Traced{T}"/> if keys are strings.</typeparam>
/// <typeparam name="TValue">The type of the value: a <see cref="Traced{T}"/> if values are references.</typeparam>
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

    /// <summary>Gets a reference to the key.</summary>
    public ref readonly TKey Key => ref _key;

    /// <summary>Gets a reference to the value, which may be changed in place.</summary>
    public ref TValue Value => ref _value;
}
