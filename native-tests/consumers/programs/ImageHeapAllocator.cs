using System.Buffers;
using SixLabors.ImageSharp.Memory;
using SpanHeap.Buffers;

namespace SpanHeap.Consumers;

/// <summary>Gives ImageSharp buffers of a heap.</summary>
internal sealed class ImageHeapAllocator(NativeHeap heap) : MemoryAllocator
{
    // A vector of the processor's is aligned in it.
    private const int Alignment = 64;

    public override IMemoryOwner<T> Allocate<T>(int length, AllocationOptions options = AllocationOptions.None) =>
        heap.Rent<T>(length, zeroed: options == AllocationOptions.Clean, Alignment);

    protected override int GetBufferCapacityInBytes() => int.MaxValue;
}
