namespace SpanHeap.Traced.Collections;

/// <summary>A key to look up.</summary>
/// <typeparam name="TKey">The type of the keys as stored.</typeparam>
internal interface IProbe<TKey>
    where TKey : unmanaged
{
    uint Hash { get; }

    bool Matches(scoped in TracedScope scope, in TKey key);
}
