using System.Runtime.InteropServices;
using SpanHeap.Guard.Records;

namespace SpanHeap.Guard.Faults;

/// <summary>The message of the fault handler to the watcher: the first words of its frame. See <see cref="FaultFrame"/>.</summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal struct WatcherRequest
{
    /// <summary>Short enough for a pipe to take it whole.</summary>
    public const int Size = FaultFrame.Message * FaultFrame.WordSize;

    /// <summary>A copy of the block's record.</summary>
    [FieldOffset(FaultFrame.Record * FaultFrame.WordSize)]
    public GuardRecord Record;

    /// <summary>The address that was touched.</summary>
    [FieldOffset(FaultFrame.Address * FaultFrame.WordSize)]
    public nint Address;

    /// <summary>The instruction that did.</summary>
    [FieldOffset(FaultFrame.Instruction * FaultFrame.WordSize)]
    public nint Instruction;

    /// <summary>The processor's word on the fault; bit 1 says that it was a write.</summary>
    [FieldOffset(FaultFrame.Error * FaultFrame.WordSize)]
    public ulong Error;

    /// <summary>The system's number of the thread.</summary>
    [FieldOffset(FaultFrame.Thread * FaultFrame.WordSize)]
    public long Thread;
}
