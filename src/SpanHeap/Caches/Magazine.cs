using System.Runtime.InteropServices;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// An array of block addresses. A stack stands on it while its thread pushes and pops, and it is handed over as one thing when it is full. 1 KiB;
/// never freed while its heap lives.
/// </summary>
/// <remarks>Belongs to its holder: a thread (under a stack), a depot or an outbox (under the cache's lock), an inbox, or the pool.</remarks>
[StructLayout(LayoutKind.Sequential, Size = Size)]
internal unsafe struct Magazine
{
    public const int Size = 1024;
    public const int Capacity = (Size - (2 * sizeof(long))) / sizeof(long);

    public Magazine* Next;

    /// <summary>The number of blocks in it. Not kept up to date while it lies under a stack.</summary>
    public int Count;

    /// <summary>Whether its blocks may belong to different owners.</summary>
    public bool IsMixed;

    /// <summary>
    /// The class of all its blocks; <see cref="SizeClasses.None"/> when there are several classes. Known while it lies in an outbox or inbox.
    /// </summary>
    public byte SizeClass;

    /// <summary>The index of the magazine in its group. Constant while the group has memory.</summary>
    public ushort Place;

    private fixed long _blocks[Capacity];

    /// <summary>Gets the location of the magazine's first address.</summary>
    public static nint* Blocks(Magazine* magazine) => (nint*)((byte*)magazine + (2 * sizeof(long)));

    /// <summary>Gets the magazine from the location of its first address.</summary>
    public static Magazine* Under(nint* blocks) => (Magazine*)((byte*)blocks - (2 * sizeof(long)));
}
