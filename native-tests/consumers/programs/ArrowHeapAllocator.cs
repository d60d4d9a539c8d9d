using System.Buffers;
using Apache.Arrow.Memory;
using SpanHeap.Buffers;

namespace SpanHeap.Consumers;

/// <summary>Gives Arrow buffers of a heap. They are zero, as those of Arrow's own allocators are.</summary>
internal sealed class ArrowHeapAllocator(NativeHeap heap) : MemoryAllocator
{
    protected override IMemoryOwner<byte> AllocateInternal(int length, out int bytesAllocated)
    {
        bytesAllocated = length;
        return heap.Rent<byte>(length, zeroed: true, Alignment);
    }
}
