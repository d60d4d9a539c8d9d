using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Contract;

namespace SpanHeap.Buffers;

/// <summary>
/// Owns a block of a <see cref="NativeHeap"/> and provides it as <see cref="Memory{T}"/> and <see cref="Span{T}"/>. <see cref="Dispose()"/> frees the
/// block. Owners come from <see cref="NativeMemoryPool"/> and <see cref="NativeHeapBuffers.Rent{T}"/>.
/// </summary>
/// <typeparam name="T">The type of the values, which must not contain references.</typeparam>
/// <remarks>
/// <para>
/// All members are thread safe, and any thread may dispose an owner; the block is freed once. The caller must make sure that nothing uses a span of the
/// owner after that, and that no owner is disposed while its heap is (by a finalizer, for example). Blocks never move, so <see cref="Pin"/> costs no <see cref="System.Runtime.InteropServices.GCHandle"/>. A block that is pinned
/// when its owner is disposed is freed when the last pin ends.
/// </para>
/// <para>
/// An owner that is dropped without having been disposed leaves its block allocated until the heap is disposed (see <see cref="WhenDropped"/>). Such
/// owners are among <see cref="HeapStatistics.Owners"/>. A heap that guards all its blocks counts them in
/// <see cref="HeapStatistics.DroppedOwners"/> as soon as the garbage collector finds them; with <see cref="GuardOptions.ReportLeaks"/>, it reports
/// them with the stack that rented them.
/// </para>
/// </remarks>
[SuppressMessage("Design", "CA1063:Implement IDisposable correctly", Justification = "The method with a parameter is the base class's; there is no finalizer.")]
[SuppressMessage("Usage", "CA1816:Dispose methods should call SuppressFinalize", Justification = "There is no finalizer, and the call takes time.")]
public unsafe class NativeOwner<T> : MemoryManager<T>, IMemoryOwner<T>
    where T : struct
{
    private const int Disposed = 1;
    private const int Resizing = 2;
    private const int OnePin = 4;

    private readonly NativeHeap _heap;

    // Changed only while the owner is the memory of a list or writer, which one thread uses at a time.
    private nint _block;
    private int _length;

    // Disposed, Resizing while the block may move, and OnePin for each pin, of which there is none while it may move. Changed by interlocked operations.
    // The thread after whose change it is Disposed and nothing else frees the block.
    private int _state;

    // The object is made before the block, so that no block is lost when there is no memory for the object.
    internal NativeOwner(NativeHeap heap, int length, nuint byteCount, int alignment, bool zeroed)
    {
        _heap = heap;
        _length = length;
        _block = (nint)BufferBlock.Allocate(heap, byteCount, alignment, zeroed);
        heap.Core.Owners.Add();
    }

    /// <summary>Gets the number of values in the block.</summary>
    public int Length => _length;

    internal NativeHeap Heap => _heap;

    internal nint Block => _block;

    /// <summary>Gets the values without a virtual call.</summary>
    internal Span<T> Values
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if ((_state & Disposed) != 0 || _heap.IsClosed)
            {
                BufferBlock.ThrowDisposed(_heap, nameof(NativeOwner<>));
            }

            return new Span<T>((void*)_block, _length);
        }
    }

    /// <summary>Frees the block, unless that has been done. If the block is pinned, it is freed when the last pin ends.</summary>
    /// <exception cref="HeapCorruptionException">
    /// The program has written past the end of the block (with <see cref="HeapChecks.Full"/>). The block stays allocated.
    /// </exception>
    public void Dispose()
    {
        if (Interlocked.Or(ref _state, Disposed) == 0)
        {
            Free();
        }
    }

    /// <summary>Gets a span over the values.</summary>
    /// <returns>The span, which must not be used after the owner or its heap has been disposed.</returns>
    /// <exception cref="ObjectDisposedException">The owner or its heap has been disposed.</exception>
    public override Span<T> GetSpan() => Values;

    /// <summary>Gets a pointer to a value and keeps the block allocated until the handle is disposed, even if the owner is disposed before.</summary>
    /// <param name="elementIndex">The index of the value.</param>
    /// <returns>The handle, which keeps the owner alive.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="elementIndex"/> is negative or greater than <see cref="Length"/>.</exception>
    /// <exception cref="ObjectDisposedException">The owner or its heap has been disposed.</exception>
    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(elementIndex);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(elementIndex, _length);
        SpinWait wait = default;
        while (true)
        {
            int state = Volatile.Read(ref _state);
            if ((state & Disposed) != 0 || _heap.IsClosed)
            {
                BufferBlock.ThrowDisposed(_heap, nameof(NativeOwner<>));
            }

            if ((state & Resizing) == 0 && Interlocked.CompareExchange(ref _state, state + OnePin, state) == state)
            {
                break;
            }

            wait.SpinOnce();
        }

        return new MemoryHandle((byte*)_block + ((nint)elementIndex * Unsafe.SizeOf<T>()), handle: default, pinnable: this);
    }

    /// <summary>Ends a pin. <see cref="MemoryHandle.Dispose"/> calls this.</summary>
    /// <exception cref="InvalidOperationException">The block is not pinned. Nothing changes.</exception>
    public override void Unpin()
    {
        int state = Volatile.Read(ref _state);
        int seen;
        do
        {
            seen = state;
            if (seen < OnePin)
            {
                throw new InvalidOperationException("The block is not pinned; a handle was disposed more than once.");
            }

            state = Interlocked.CompareExchange(ref _state, seen - OnePin, seen);
        }
        while (state != seen);
        if (seen - OnePin == Disposed)
        {
            Free();
        }
    }

    /// <summary>Resizes the block, in place where the heap can do that. The caller alone uses the owner.</summary>
    /// <returns>False, with nothing changed, if there is no memory or the block is pinned.</returns>
    internal bool TryResize(int length)
    {
        int state = Interlocked.CompareExchange(ref _state, Resizing, 0);
        if ((state & Disposed) != 0)
        {
            BufferBlock.ThrowDisposed(_heap, nameof(NativeOwner<>));
        }

        if (state != 0)
        {
            return false;
        }

        try
        {
            nuint byteCount = (nuint)length * (nuint)Unsafe.SizeOf<T>();
            void* block = _heap.TryRealloc((void*)_block, byteCount);
            if (block == null)
            {
                return false;
            }

            // A block that grows may have got more than was asked for.
            _block = (nint)block;
            _length = (int)Math.Min(_heap.UsableSize(block) / (nuint)Unsafe.SizeOf<T>(), (nuint)Array.MaxLength);
            MoveWatch(byteCount);
            return true;
        }
        finally
        {
            if ((Interlocked.And(ref _state, ~Resizing) & Disposed) != 0)
            {
                Free();
            }
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => Dispose();

    /// <summary>Tells what watches the owner that its block is another one.</summary>
    private protected virtual void MoveWatch(nuint byteCount)
    {
    }

    /// <summary>Ends what watches the owner. Called once.</summary>
    /// <returns>False if that has freed the block.</returns>
    private protected virtual bool TryEndWatch() => true;

    private void Free()
    {
        if (!TryEndWatch() || _heap.IsClosed)
        {
            return;
        }

        _heap.Core.Owners.Remove();
        try
        {
            _heap.Free((void*)_block);
        }
        catch (ObjectDisposedException)
        {
            // The block has just gone with the heap.
        }
    }
}
