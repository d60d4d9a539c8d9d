using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced;

/// <summary>A block with two references and a value.</summary>
internal struct Node : ITraced<Node>
{
    public Traced<Node> Left;
    public Traced<Node> Right;
    public long Value;

    public static TracedLayout Layout { get; } = TracedLayout.OfFields(24, 0, 8);
}
