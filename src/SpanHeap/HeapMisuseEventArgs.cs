namespace SpanHeap;

/// <summary>Misuse of a pointer that a heap found after the call that was wrong.</summary>
public sealed class HeapMisuseEventArgs : EventArgs
{
    internal HeapMisuseEventArgs(nint address, MisuseKind kind)
    {
        Address = address;
        Kind = kind;
    }

    /// <summary>The pointer that was freed.</summary>
    public nint Address { get; }

    /// <summary>What was wrong with it.</summary>
    public MisuseKind Kind { get; }
}
