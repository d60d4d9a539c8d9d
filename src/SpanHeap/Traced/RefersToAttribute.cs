namespace SpanHeap.Traced;

/// <summary>
/// Says what a <see cref="Traced{T}"/> of <see cref="byte"/> in a <see cref="TracedAttribute">traced</see> struct refers to; the generated property
/// has that type. It is for structs that refer to each other, because the runtime cannot load two structs that each have a <see cref="Traced{T}"/>
/// of the other.
/// </summary>
/// <typeparam name="T">The type of the block that the field refers to.</typeparam>
[AttributeUsage(AttributeTargets.Field)]
public sealed class RefersToAttribute<T> : Attribute
    where T : unmanaged;
