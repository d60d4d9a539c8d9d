using System.Runtime.InteropServices;
using SpanHeap.Os;

namespace SpanHeap.Spans;

/// <summary>
/// A run of pages with blocks of one size in it (or one large block), described in 64 bytes at the place of its first page.
/// </summary>
/// <remarks>
/// These bytes are a span only while a page entry names it: once it is released they may be another span's alloc bits, or given back.
/// So all fields are guarded by the lock of the owner that the entry names, and a thread that comes from an address reads the entry
/// again under that lock before it looks at the span.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal unsafe struct Span : ILinked<Span>
{
    /// <summary>Where <see cref="Pages"/> is, for code that has no types.</summary>
    public const int PagesOffset = 40;

    /// <summary>Neighbours in the owner's list of spans with free slots; null when in no list.</summary>
    public Span* Next;
    public Span* Previous;

    /// <summary>The owner; null while the span is not in use. Written under the owner's lock, before the page entries.</summary>
    public SpanOwner* Owner;

    /// <summary>First byte of the first slot: the start of the first page.</summary>
    public nint Base;

    /// <summary>Bytes of a slot: the class's, or all pages of a span without a class.</summary>
    public nuint SlotSize;

    public int Pages;

    /// <summary>Number of slots.</summary>
    public int Slots;

    /// <summary>Slots whose alloc bit is clear: those that a refill may take.</summary>
    public int FreeSlots;

    // What a span of many blocks and one of a single block need can share a place.
    private uint _givenBackOrRoom;

    public byte SizeClass;
    public SpanState State;

    /// <summary>Whether the span is in its owner's list of spans with free slots.</summary>
    public bool Listed;

    /// <summary>Free slots when the memory under them was last given back; 0 once a refill has taken some since.</summary>
    public ushort ScavengedSlots;

    /// <summary>Free slots when the scavenger last looked; 0 once a refill has taken some since. So while it equals them, nothing has happened.</summary>
    public ushort SeenSlots;

    /// <summary>
    /// Of a span of many blocks: a bit for each page of the system whose memory was given back while its slots are free; 0 once a refill has
    /// taken some since.
    /// </summary>
    public uint GivenBack
    {
        readonly get => _givenBackOrRoom;
        set => _givenBackOrRoom = value;
    }

    /// <summary>
    /// Of a span that is one block: its last pages that were not asked for, but given because the block is growing. A hint, which may be
    /// the last block's when a thread serves the span again. Written by the thread that makes the span, or resizes its own block; read by
    /// the latter, without the lock.
    /// </summary>
    public int RoomPages
    {
        readonly get => (int)_givenBackOrRoom;
        set => _givenBackOrRoom = (uint)value;
    }

    /// <summary>Reads the owner without its lock. The caller takes that lock, and then compares.</summary>
    public static SpanOwner* ReadOwner(Span* span) => (SpanOwner*)Volatile.Read(ref *(nint*)&span->Owner);

    /// <summary>Writes the owner, so that a thread that reads it sees all that was written before.</summary>
    public static void WriteOwner(Span* span, SpanOwner* owner) => Volatile.Write(ref *(nint*)&span->Owner, (nint)owner);

    static ref Span* ILinked<Span>.NextOf(Span* node) => ref node->Next;

    static ref Span* ILinked<Span>.PreviousOf(Span* node) => ref node->Previous;
}

/// <summary>A span's state; zero, which is what fresh metadata reads as, is the dead one.</summary>
internal enum SpanState : byte
{
    Dead,
    InUse,

    /// <summary>In use, with traced blocks: the record is a traced span.</summary>
    Traced,

    /// <summary>In use, with one guarded block, live or in quarantine: the record is a <c>GuardedSpan</c>.</summary>
    Guarded,
}
