using System.Runtime.InteropServices;

namespace SpanHeap.Traced.Layouts;

/// <summary>
/// Describes blocks of one layout and one size class: all that marking and sweeping need to know of a block. Each span of a heap holds one span class.
/// Constant once it has a number.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal unsafe struct SpanClassInfo
{
    /// <summary>Blocks begin at multiples of this many bytes, and take at least this many.</summary>
    public const int Granule = 1 << GranuleShift;

    public const int GranuleShift = 4;

    /// <summary>Bytes before the elements of an array: its length.</summary>
    public const int ArrayHeaderBytes = sizeof(long);

    /// <summary>Words of a block or an element that <see cref="FirstPointers"/> describes.</summary>
    public const int WordsInline = 64;

    public TracedForm Form;

    /// <summary>The class of the blocks; <see cref="SpanHeap.Spans.SizeClasses.None"/> for blocks with a span of their own, of any size.</summary>
    public byte SizeClass;

    /// <summary>Bytes of a slot; 0 for blocks with a span of their own.</summary>
    public ushort SlotBytes;

    /// <summary>The number of words of a block or an element that may be pointers: later words are not.</summary>
    public int PatternWords;

    /// <summary>A bit for each of the first 64 words that is a pointer.</summary>
    public ulong FirstPointers;

    /// <summary>The same for all words, if there are more; never freed.</summary>
    public ulong* AllPointers;

    /// <summary>Bytes from one element to the next.</summary>
    public uint ElementBytes;

    /// <summary>The layout's number, which all its span classes share.</summary>
    public int Layout;

    /// <summary>
    /// The program's function, for <see cref="TracedForm.Custom"/>. The code that makes the layout and the code that calls the function know its
    /// type.
    /// </summary>
    public nint Trace;
}
