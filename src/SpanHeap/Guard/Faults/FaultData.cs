using SpanHeap.Guard.Records;

namespace SpanHeap.Guard.Faults;

/// <summary>The numbers of the words of native memory that the fault handler reads. All but the lock are written before the handler is installed. They are never freed.</summary>
internal static class FaultData
{
    /// <summary>The handlers that were there before, which every fault goes on to.</summary>
    public const int SegmentationHandler = 0;
    public const int BusHandler = 1;

    /// <summary>The table that says what a piece of the address space is, and how many it has.</summary>
    public const int Map = 2;
    public const int MapPieces = 3;

    /// <summary>1 while a thread reports. Taken by compare-exchange in the handler, which alone knows it.</summary>
    public const int Lock = 4;

    /// <summary>Descriptors of the pipes to and from the watcher; the first is below zero for none.</summary>
    public const int Request = 5;
    public const int Answer = 6;

    /// <summary>Addresses of the templates: for a read and a write; for before, into and past the end of a block; for each state of a block.</summary>
    public const int Accesses = 7;
    public const int Places = 9;
    public const int States = 12;

    /// <summary>The table of huge guarded blocks.</summary>
    public const int HugeGuards = States + (int)GuardState.Swept + 1;
    public const int Words = HugeGuards + 1;
}
