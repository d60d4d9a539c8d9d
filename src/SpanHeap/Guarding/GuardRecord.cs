using System.Runtime.InteropServices;
using SpanHeap.Spans;

namespace SpanHeap.Guarding;

/// <summary>What is known of a guarded block, and of whom it is.</summary>
internal enum GuardState
{
    /// <summary>No block: the record is not in use.</summary>
    None,

    /// <summary>In the hands of the program.</summary>
    Live,

    /// <summary>Freed, and in quarantine: an access faults.</summary>
    Freed,

    /// <summary>Found dead by a sweep, and in quarantine.</summary>
    Swept,
}

/// <summary>
/// The record of a guarded block, written before what it says becomes true, so that whoever reads it after a fault, or in a dump of the
/// process, finds the last word. In the place of its span's alloc bits.
/// </summary>
/// <remarks>
/// Every page of a guarded span has one in the place where its own record would be: the first page the real one, the others a
/// link to it (<see cref="LinkMagic"/>, and the address of the real one in <see cref="Address"/>). So a fault handler that has nothing but an
/// address needs no table but the map of arenas, and for blocks that no arena holds <see cref="HugeGuards"/>. Written under the guard's lock by who allocates, frees or deletes the span; read by
/// anybody at any time, who may find it half written only while it is none of a block in anybody's hands. Its layout is a contract with
/// the fault handler and the decoder.
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal unsafe struct GuardRecord
{
    public const int Size = 64;

    /// <summary>Where the fault handler finds what it reads, the first three as 32 bits.</summary>
    public const int StateOffset = 32;
    public const int AllocThreadOffset = 36;
    public const int FreeThreadOffset = 40;
    public const int SpanBaseOffset = 56;

    /// <summary>"SpanGrd1" as it lies in memory: a record, of this layout.</summary>
    public const ulong RecordMagic = 0x3164_7247_6e61_7053;

    /// <summary>"SpanGrdL": a link to one.</summary>
    public const ulong LinkMagic = 0x4c64_7247_6e61_7053;

    /// <summary>One of the two above; written last, and cleared first.</summary>
    [FieldOffset(0)]
    public ulong Magic;

    /// <summary>The block's first byte; in a link the record's address.</summary>
    [FieldOffset(8)]
    public nint Address;

    /// <summary>Bytes that were asked for.</summary>
    [FieldOffset(16)]
    public nuint ByteCount;

    /// <summary>Number of the last event (allocation, free) of the process's guarded blocks: later is larger.</summary>
    [FieldOffset(24)]
    public ulong Sequence;

    [FieldOffset(StateOffset)]
    public GuardState State;

    /// <summary>Managed ids of the threads that allocated and freed it; 0 for none.</summary>
    [FieldOffset(AllocThreadOffset)]
    public int AllocThread;

    [FieldOffset(FreeThreadOffset)]
    public int FreeThread;

    /// <summary>Numbers of the stacks in the depot; 0 for none.</summary>
    [FieldOffset(44)]
    public int AllocStack;

    [FieldOffset(48)]
    public int FreeStack;

    /// <summary>Milliseconds of <see cref="System.Environment.TickCount64"/>, cut to 32 bits, of the last event.</summary>
    [FieldOffset(52)]
    public uint Time;

    /// <summary>First byte of the span's first page, which may be protected.</summary>
    [FieldOffset(SpanBaseOffset)]
    public nint SpanBase;

    /// <summary>Where the record of the span that a page begins, or the link of an inner page, stands.</summary>
    public static GuardRecord* OfPage(nint address) => (GuardRecord*)ArenaHeader.AllocBits(ArenaHeader.SpanAt(address));
}
