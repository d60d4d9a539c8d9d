namespace SpanHeap;

/// <summary>Provides data for <see cref="NativeHeap.MisuseFound"/>: a pointer's misuse that the heap found after the call that caused it.</summary>
public sealed class HeapMisuseEventArgs : EventArgs
{
    internal HeapMisuseEventArgs(nint address, MisuseKind kind)
    {
        Address = address;
        Kind = kind;
    }

    /// <summary>Gets the pointer that was freed wrongly, or the freed block that was written to.</summary>
    public nint Address { get; }

    /// <summary>Gets what was done wrongly.</summary>
    public MisuseKind Kind { get; }
}
