namespace SpanHeap.Tests.Tracing;

/// <summary>A block with two references and a value.</summary>
internal struct Node : ITraced<Node>
{
    public Gc<Node> Left;
    public Gc<Node> Right;
    public long Value;

    public static TracedLayout Layout { get; } = TracedLayout.OfFields(24, 0, 8);
}
