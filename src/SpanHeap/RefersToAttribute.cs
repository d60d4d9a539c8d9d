namespace SpanHeap;

/// <summary>
/// Says what a <see cref="Gc{T}"/> of <see cref="byte"/> in a <see cref="TracedAttribute">traced</see> struct refers to, which its property
/// then gives: for structs that refer to each other. The runtime loads no two structs with a <see cref="Gc{T}"/> of the other in each.
/// </summary>
/// <typeparam name="T">What the field refers to.</typeparam>
[AttributeUsage(AttributeTargets.Field)]
public sealed class RefersToAttribute<T> : Attribute
    where T : unmanaged;
