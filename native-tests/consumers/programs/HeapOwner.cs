using System.Buffers;
using System.Runtime.CompilerServices;

namespace SpanHeap.Consumers;

/// <summary>Owns a zeroed block of a heap.</summary>
internal sealed unsafe class HeapOwner<T> : MemoryManager<T>
    where T : struct
{
    private readonly NativeHeap _heap;
    private readonly int _length;
    private nint _block;

    public HeapOwner(NativeHeap heap, int length, nuint alignment)
    {
        nuint byteCount = (nuint)length * (nuint)Unsafe.SizeOf<T>();
        _heap = heap;
        _length = length;
        _block = (nint)heap.AlignedAlloc(byteCount, alignment);
        SpanMemory.Clear((void*)_block, byteCount);
    }

    public override Span<T> GetSpan()
    {
        ObjectDisposedException.ThrowIf(_block == 0, this);
        return new Span<T>((void*)_block, _length);
    }

    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ObjectDisposedException.ThrowIf(_block == 0, this);
        return new((byte*)_block + ((nint)elementIndex * Unsafe.SizeOf<T>()), pinnable: this);
    }

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing) => _heap.Free((void*)Interlocked.Exchange(ref _block, 0));
}
