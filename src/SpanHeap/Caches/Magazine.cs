using System.Runtime.InteropServices;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// An array of block addresses: what a stack stands on while its thread pushes and pops, and what is handed over as one thing when it
/// is full. 1 KiB; never freed while its heap lives.
/// </summary>
/// <remarks>Belongs to who holds it: a thread (under a stack), a depot or outbox (by the cache's lock), an inbox, or the pool.</remarks>
[StructLayout(LayoutKind.Sequential, Size = Size)]
internal unsafe struct Magazine
{
    public const int Size = 1024;
    public const int Capacity = (Size - (2 * sizeof(long))) / sizeof(long);

    public Magazine* Next;

    /// <summary>Blocks in it; not kept up to date while it lies under a stack.</summary>
    public int Count;

    /// <summary>Whether its blocks may belong to different owners.</summary>
    public bool IsMixed;

    /// <summary>The class of all its blocks, <see cref="SizeClasses.None"/> when they are of several. Known while it lies in an outbox or inbox.</summary>
    public byte SizeClass;

    /// <summary>Which one it is of its group. Constant while the group has memory.</summary>
    public ushort Place;

    private fixed long _blocks[Capacity];

    /// <summary>The first address.</summary>
    public static nint* Blocks(Magazine* magazine) => (nint*)((byte*)magazine + (2 * sizeof(long)));

    /// <summary>The magazine whose first address this is.</summary>
    public static Magazine* Under(nint* blocks) => (Magazine*)((byte*)blocks - (2 * sizeof(long)));
}
