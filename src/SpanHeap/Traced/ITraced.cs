namespace SpanHeap.Traced;

/// <summary>Implemented by types whose values live in traced memory, by hand or through <see cref="TracedAttribute"/>.</summary>
/// <typeparam name="TSelf">
/// The implementing type. It has no managed references, and its <see cref="Traced{T}"/> fields lie at multiples of 8 bytes.
/// </typeparam>
public interface ITraced<TSelf>
    where TSelf : unmanaged, ITraced<TSelf>
{
    /// <summary>Gets the layout, which says where the references of a value lie. It is read once.</summary>
    static abstract TracedLayout Layout { get; }
}
