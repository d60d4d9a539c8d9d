using System.Runtime.CompilerServices;

namespace SpanHeap.Collections;

/// <summary>A key without references, compared and hashed as its type does.</summary>
internal readonly struct ValueProbe<TKey>(TKey key) : IProbe<TKey>
    where TKey : unmanaged
{
    // The comparer is a constant to the JIT, and its calls are inlined.
    public uint Hash
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (uint)EqualityComparer<TKey>.Default.GetHashCode(key);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Matches(scoped in GcScope scope, in TKey other) => EqualityComparer<TKey>.Default.Equals(other, key);
}
