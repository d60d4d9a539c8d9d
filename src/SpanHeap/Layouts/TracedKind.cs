using System.Runtime.InteropServices;

namespace SpanHeap.Layouts;

/// <summary>
/// Blocks of one layout and one size class: what the spans of a heap are made for, and all that marking and sweeping need to know of a
/// block. Constant once it has a number.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal unsafe struct TracedKind
{
    /// <summary>Bytes before the elements of an array: its length.</summary>
    public const int ArrayHeaderBytes = sizeof(long);

    /// <summary>Words of a block or an element that <see cref="FirstPointers"/> describes.</summary>
    public const int WordsInline = 64;

    public TracedForm Form;

    /// <summary>The class of the blocks; <see cref="Spans.SizeClasses.None"/> for those that are spans of their own, of any size.</summary>
    public byte SizeClass;

    /// <summary>Bytes of a slot; 0 for blocks that are spans of their own.</summary>
    public ushort SlotBytes;

    /// <summary>Words of a block or an element that may be pointers: those behind are not.</summary>
    public int PatternWords;

    /// <summary>A bit for each of the first 64 words that is a pointer.</summary>
    public ulong FirstPointers;

    /// <summary>The same for all words, where there are more; never freed.</summary>
    public ulong* AllPointers;

    /// <summary>Bytes from one element to the next.</summary>
    public uint ElementBytes;

    /// <summary>The layout's number: what its kinds have in common.</summary>
    public int Layout;

    /// <summary>The program's function, of <see cref="TracedForm.Custom"/>: what its type is, who made the layout and who calls it know.</summary>
    public nint Trace;
}
