using System.Buffers;
using Apache.Arrow.Memory;

namespace SpanHeap.Consumers;

/// <summary>Gives Arrow buffers of a heap.</summary>
internal sealed class ArrowHeapAllocator(NativeHeap heap) : MemoryAllocator
{
    protected override IMemoryOwner<byte> AllocateInternal(int length, out int bytesAllocated)
    {
        bytesAllocated = length;
        return new HeapOwner<byte>(heap, length, (nuint)Alignment);
    }
}
