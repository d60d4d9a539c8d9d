using System.Runtime.CompilerServices;

namespace SpanHeap.Traced.Collections;

/// <summary>A key that a table may store: a value, compared and hashed as its type defines, or a string, by its text.</summary>
internal readonly struct KeyProbe<TKey> : IProbe<TKey>
    where TKey : unmanaged
{
    private readonly TKey _key;

    /// <exception cref="ArgumentNullException">The key is a string, and refers to nothing.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public KeyProbe(TKey key)
    {
        _key = key;

        // The comparer is a constant to the JIT, and its calls are inlined.
        Hash = Keys<TKey>.AreStrings ? HashOf(StringOf(ref key)) : (uint)EqualityComparer<TKey>.Default.GetHashCode(key);
    }

    public uint Hash { get; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Matches(scoped in TracedScope scope, in TKey key) => Keys<TKey>.AreStrings
        ? Keys<TKey>.AsString(ref Unsafe.AsRef(in key)).Get(scope).Target.ContentEquals(StringOf(ref Unsafe.AsRef(in _key)).Target.Span)
        : EqualityComparer<TKey>.Default.Equals(key, _key);

    /// <summary>Writes the key to its place in a table.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(scoped in TracedScope scope, ref TKey place)
    {
        if (Keys<TKey>.AreStrings)
        {
            Keys<TKey>.AsString(ref place).Set(scope, StringOf(ref Unsafe.AsRef(in _key)));
        }
        else
        {
            place = _key;
        }
    }

    /// <summary>Gets the key as text, for messages.</summary>
    public override string ToString() =>
        (Keys<TKey>.AreStrings ? StringOf(ref Unsafe.AsRef(in _key)).Value.ToString() : _key.ToString())!;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TracedRef<TracedString> StringOf(ref TKey key) => new(Keys<TKey>.AsString(ref key).Address);

    private static uint HashOf(TracedRef<TracedString> key)
    {
        if (key.IsNull)
        {
            CollectionThrowHelper.NullKey();
        }

        return (uint)key.Value.ContentHash();
    }
}
