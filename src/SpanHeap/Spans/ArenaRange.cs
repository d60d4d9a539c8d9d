namespace SpanHeap.Spans;

/// <summary>Address space that a heap has from the system for arenas.</summary>
/// <remarks>Changed by the thread that grows the heap. The records form a list, the newest first, and stay for as long as the heap.</remarks>
internal unsafe struct ArenaRange
{
    public ArenaRange* Next;

    /// <summary>The next of the ranges that may become longer.</summary>
    public ArenaRange* NextShort;

    /// <summary>The first arena. Others follow each other without a gap.</summary>
    public nint First;

    /// <summary>How many arenas there are, of which the last may be shorter than its place.</summary>
    public int Arenas;

    /// <summary>One past the last byte that the arenas may use.</summary>
    public nint End;

    /// <summary>Bytes after the end that are the range's and closed: no thread can read them.</summary>
    public nuint Closed;

    /// <summary>What the platform's allocator gave, and what it must get back; null for memory that was mapped.</summary>
    public void* Block;

    /// <summary>All address space that the heap got, including what aligning it took.</summary>
    public nuint Bytes;

    /// <summary>Whether all that is mapped becomes resident at once, because the program has locked its memory.</summary>
    public bool IsLocked;
}
