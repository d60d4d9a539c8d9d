namespace SpanHeap.Tests.Traced;

/// <summary>What a node of the heap should be.</summary>
internal sealed class ShadowNode(long value)
{
    public long Value => value;

    public ShadowNode? Left { get; set; }

    public ShadowNode? Right { get; set; }
}
