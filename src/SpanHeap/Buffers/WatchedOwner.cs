namespace SpanHeap.Buffers;

/// <summary>An owner that is noticed when it is dropped without having been disposed.</summary>
/// <remarks>
/// The finalizer is that of another object, which only the owner refers to. An owner with a finalizer of its own would be kept alive by what it must
/// not depend on, and every use of it would be a use of an object that may be finalized meanwhile (CA2015).
/// </remarks>
internal sealed class WatchedOwner<T> : NativeOwner<T>
    where T : struct
{
    private readonly DropWatch _watch;

    public WatchedOwner(NativeHeap heap, int length, nuint byteCount, int alignment, bool zeroed, WhenDropped whenDropped)
        : this(new DropWatch(), heap, length, byteCount, alignment, zeroed, whenDropped)
    {
    }

    // The watch is made before the block, so that no block is lost when there is no memory for the watch.
    private WatchedOwner(DropWatch watch, NativeHeap heap, int length, nuint byteCount, int alignment, bool zeroed, WhenDropped whenDropped)
        : base(heap, length, byteCount, alignment, zeroed)
    {
        _watch = watch;
        _watch.Begin(heap, Block, byteCount, whenDropped);
    }

    private protected override void MoveWatch(nuint byteCount) => _watch.Move(Block, byteCount);

    // The finalizer of an object that was dropped together with the owner may dispose it, before the watch is finalized or after that.
    private protected override bool TryEndWatch() => _watch.TryEnd();
}
