namespace SpanHeap.Collections;

/// <summary>A key that is looked for.</summary>
/// <typeparam name="TKey">What keys are in the entries.</typeparam>
internal interface IProbe<TKey>
    where TKey : unmanaged
{
    uint Hash { get; }

    bool Matches(scoped in GcScope scope, in TKey key);
}
