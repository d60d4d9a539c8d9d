using System.Buffers;
using Apache.Arrow.Memory;
using SpanHeap.Buffers;

namespace SpanHeap.Consumers;

/// <summary>Gives Arrow buffers of a heap. They are zero, as those of Arrow's own allocators are.</summary>
/// <param name="heap">The heap.</param>
/// <param name="whenDropped">What becomes of buffers of arrays that are never disposed. Arrow's own allocators free them in a finalizer.</param>
internal sealed class ArrowHeapAllocator(NativeHeap heap, WhenDropped whenDropped = WhenDropped.Keep) : MemoryAllocator
{
    protected override IMemoryOwner<byte> AllocateInternal(int length, out int bytesAllocated)
    {
        bytesAllocated = length;
        return heap.Rent<byte>(length, zeroed: true, Alignment, whenDropped);
    }
}
