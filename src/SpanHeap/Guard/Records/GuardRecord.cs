using System.Runtime.InteropServices;
using SpanHeap.Spans;

namespace SpanHeap.Guard.Records;

/// <summary>The state of a guarded block, which says what has it.</summary>
internal enum GuardState
{
    /// <summary>No block: the record is not in use.</summary>
    None,

    /// <summary>The program has the block.</summary>
    Live,

    /// <summary>Freed, and in quarantine: an access faults.</summary>
    Freed,

    /// <summary>Found dead by a sweep, and in quarantine.</summary>
    Swept,
}

/// <summary>
/// The record of a guarded block. It is written before what it says becomes true, so it is right for any reader, after a
/// fault or in a dump of the process. It lies where the alloc bits of its span would.
/// </summary>
/// <remarks>
/// Every page of a guarded span has a record in its own place: the first page has the real one, and the others have a link to it (<see cref="LinkMagic"/>, and the address of the real one in <see cref="Address"/>). So a fault handler that has only an
/// address needs no table except the map of arenas and, for blocks that no arena holds, <see cref="HugeGuards"/>.
/// <para>The thread that allocates, frees or retires the span writes it, under the lock of <see cref="GuardRecords"/>. Any thread may read it
/// at any time, and may find it half written only while the program has no block that it describes. Its layout is a contract with the
/// fault handler and the decoder.</para>
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal unsafe struct GuardRecord
{
    public const int Size = 64;

    /// <summary>Offsets of the fields that the fault handler reads, the first three as 32 bits.</summary>
    public const int StateOffset = 32;
    public const int AllocThreadOffset = 36;
    public const int FreeThreadOffset = 40;
    public const int SpanBaseOffset = 56;

    /// <summary>Marks a record of this layout: "SpanGrd1" as it lies in memory.</summary>
    public const ulong RecordMagic = 0x3164_7247_6e61_7053;

    /// <summary>Marks a link to a record: "SpanGrdL".</summary>
    public const ulong LinkMagic = 0x4c64_7247_6e61_7053;

    /// <summary><see cref="RecordMagic"/> or <see cref="LinkMagic"/>; written last, and cleared first.</summary>
    [FieldOffset(0)]
    public ulong Magic;

    /// <summary>The block's first byte; in a link the record's address.</summary>
    [FieldOffset(8)]
    public nint Address;

    /// <summary>The bytes that were asked for with the block.</summary>
    [FieldOffset(16)]
    public nuint ByteCount;

    /// <summary>The number of the block's last event (allocation, free). The events of a process have rising numbers.</summary>
    [FieldOffset(24)]
    public ulong Sequence;

    [FieldOffset(StateOffset)]
    public GuardState State;

    /// <summary>The managed ids of the threads that allocated and freed it; 0 for none.</summary>
    [FieldOffset(AllocThreadOffset)]
    public int AllocThread;

    [FieldOffset(FreeThreadOffset)]
    public int FreeThread;

    /// <summary>The numbers of their stacks in the depot; 0 for none.</summary>
    [FieldOffset(44)]
    public int AllocStack;

    [FieldOffset(48)]
    public int FreeStack;

    /// <summary>Milliseconds of <see cref="System.Environment.TickCount64"/>, cut to 32 bits, of the last event.</summary>
    [FieldOffset(52)]
    public uint Time;

    /// <summary>The first byte of the span's first page, which may be protected.</summary>
    [FieldOffset(SpanBaseOffset)]
    public nint SpanBase;

    /// <summary>Gets the place of the record of the span that begins at a page, or of the link of an inner page.</summary>
    public static GuardRecord* OfPage(nint address) => (GuardRecord*)ArenaHeader.AllocBits(ArenaHeader.SpanAt(address));
}
