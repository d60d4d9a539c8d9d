using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced;

/// <summary>References in the words 0, 63, 64, 127, 128 and 199.</summary>
[StructLayout(LayoutKind.Explicit, Size = 1600)]
internal struct WideNode : ITraced<WideNode>
{
    public static readonly int[] Offsets = [0, 63 * 8, 64 * 8, 127 * 8, 128 * 8, 199 * 8];

    [FieldOffset(0)]
    public Traced<Node> First;

    [FieldOffset(63 * 8)]
    public Traced<Node> LastInline;

    [FieldOffset(64 * 8)]
    public Traced<Node> FirstBehind;

    [FieldOffset(65 * 8)]
    public nint NoPointer;

    [FieldOffset(127 * 8)]
    public Traced<Node> LastOfSecond;

    [FieldOffset(128 * 8)]
    public Traced<Node> FirstOfThird;

    [FieldOffset(199 * 8)]
    public Traced<Node> Last;

    public static TracedLayout Layout { get; } = TracedLayout.OfFields(1600, Offsets);
}

/// <summary>So large that a block is a span of its own, with one reference at its end.</summary>
[StructLayout(LayoutKind.Explicit, Size = 1 << 20)]
internal struct VastNode : ITraced<VastNode>
{
    [FieldOffset(0)]
    public long Value;

    [FieldOffset((1 << 20) - 8)]
    public Traced<VastNode> Next;

    public static TracedLayout Layout { get; } = TracedLayout.OfFields(1 << 20, (1 << 20) - 8);
}

/// <summary>Looks like a reference and is none.</summary>
internal struct Leaf : ITraced<Leaf>
{
    public nint Address;

    public static TracedLayout Layout => TracedLayout.NoPointers;
}

#pragma warning disable SPAN001 // The table's layout, which is made by hand, finds what elements refer to.
internal struct Element
{
    public long Number;
    public Traced<Node> Node;
    public nint NoPointer;
}

/// <summary>A length and so many elements.</summary>
internal struct Table : ITraced<Table>
{
    public long Length;
    public Elements Items;

    public static TracedLayout Layout { get; } = TracedLayout.OfElements(24, 8);

    [InlineArray(50)]
    internal struct Elements
    {
        private Element _first;
    }
}
#pragma warning restore SPAN001

/// <summary>A size of its own.</summary>
[InlineArray(Bytes)]
internal struct Sized7 : ITraced<Sized7>
{
    public const int Bytes = 7;
    private byte _first;

    public static TracedLayout Layout => TracedLayout.NoPointers;
}
