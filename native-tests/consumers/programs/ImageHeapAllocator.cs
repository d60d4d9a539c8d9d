using System.Buffers;
using SixLabors.ImageSharp.Memory;

namespace SpanHeap.Consumers;

/// <summary>Gives ImageSharp buffers of a heap.</summary>
internal sealed class ImageHeapAllocator(NativeHeap heap) : MemoryAllocator
{
    // A vector of the processor's is aligned in it.
    private const int Alignment = 64;

    public override IMemoryOwner<T> Allocate<T>(int length, AllocationOptions options = AllocationOptions.None) => new HeapOwner<T>(heap, length, Alignment);

    protected override int GetBufferCapacityInBytes() => int.MaxValue;
}
