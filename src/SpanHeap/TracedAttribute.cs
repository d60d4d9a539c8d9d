namespace SpanHeap;

/// <summary>
/// Makes a partial struct a type of traced blocks: its <see cref="ITraced{TSelf}.Layout"/> is generated, and properties on
/// <see cref="GcRef{T}"/> of it for its fields, so that <c>node.Left = other</c> needs no scope.
/// </summary>
/// <remarks>
/// The struct's references are its <see cref="Gc{T}"/> fields, also those in fields that are traced structs themselves. A field gets a
/// property where a class beside the struct can reach it, and no member of <see cref="GcRef{T}"/> has its name. Like all properties of
/// structs one is set on a variable: <c>node.Left.Key = 5</c> is right, <c>node.Left.Left = other</c> needs a local in between.
/// </remarks>
[AttributeUsage(AttributeTargets.Struct)]
public sealed class TracedAttribute : Attribute;
