namespace SpanHeap.Traced;

/// <summary>
/// Makes a partial struct a type of traced blocks. Its <see cref="ITraced{TSelf}.Layout"/> is generated, and so are properties for its fields on
/// <see cref="TracedRef{T}"/>, so that <c>node.Left = other</c> needs no scope.
/// </summary>
/// <remarks>
/// The struct's references are its <see cref="Traced{T}"/> fields, including those in fields that are traced structs themselves. A field gets a
/// property if a class beside the struct can access it and no member of <see cref="TracedRef{T}"/> has its name. Like every property of a struct,
/// it can only be set on a variable: <c>node.Left.Key = 5</c> compiles, but <c>node.Left.Left = other</c> needs a local in between.
/// </remarks>
[AttributeUsage(AttributeTargets.Struct)]
public sealed class TracedAttribute : Attribute;
