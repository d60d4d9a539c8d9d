namespace SpanHeap;

/// <summary>A type whose values live in traced memory: by hand, or by <see cref="TracedAttribute"/>.</summary>
/// <typeparam name="TSelf">The type itself: without managed references, all <see cref="Gc{T}"/> fields at multiples of 8.</typeparam>
public interface ITraced<TSelf>
    where TSelf : unmanaged, ITraced<TSelf>
{
    /// <summary>Where its references lie. Read once.</summary>
    static abstract TracedLayout Layout { get; }
}
