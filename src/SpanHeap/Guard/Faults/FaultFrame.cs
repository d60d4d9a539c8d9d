namespace SpanHeap.Guard.Faults;

/// <summary>
/// The numbers of the words of the stack on which the fault handler works. Those up to <see cref="Message"/> are sent to the watcher, laid out as
/// <see cref="WatcherRequest"/>.
/// </summary>
internal static class FaultFrame
{
    public const int WordSize = 8;

    /// <summary>A copy of the block's record, of eight words.</summary>
    public const int Record = 0;

    /// <summary>Of those words: the block's address, its bytes, and the number of its last event.</summary>
    public const int Block = 1;
    public const int ByteCount = 2;
    public const int Sequence = 3;

    /// <summary>The address that was touched.</summary>
    public const int Address = 8;

    /// <summary>The instruction that did.</summary>
    public const int Instruction = 9;

    /// <summary>The processor's word on the fault; bit 1 says that it was a write.</summary>
    public const int Error = 10;

    /// <summary>The system's number of the thread.</summary>
    public const int Thread = 11;

    /// <summary>How many words the watcher is sent.</summary>
    public const int Message = 12;

    /// <summary>Bytes from the block to what was touched.</summary>
    public const int Offset = 12;
    public const int AllocThread = 13;
    public const int FreeThread = 14;

    /// <summary>Operands of the call that copies a record: where to, how much; where from, how much.</summary>
    public const int CopyTo = 15;
    public const int CopyFrom = 17;

    /// <summary>Operand of the call that waits: descriptor, and the events waited for.</summary>
    public const int Poll = 19;

    /// <summary>Four words: the digits of a number, from the last to the first.</summary>
    public const int Digits = 20;
    public const int DigitsEnd = 24;

    /// <summary>The line that is written; all that templates can come to fits, see <see cref="FaultText"/>.</summary>
    public const int Line = 24;
    public const int Words = Line + (LineBytes / WordSize);
    public const int LineBytes = 512;

    /// <summary>Gets the offset in bytes of a word of the frame, or of <see cref="FaultData"/>.</summary>
    public static int Word(int number) => number * WordSize;
}
