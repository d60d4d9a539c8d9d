using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Heap;

public sealed class CacheAttachmentTests
{
    [Fact]
    public unsafe void The_first_arena_is_reserved_before_a_thread_of_the_library_may_take_its_addresses()
    {
        using NativeHeap heap = HeapMaker.New();
        Assert.Equal(0u, heap.Core.Arenas.ReservedBytes);

        heap.Core.Attach();

        Assert.InRange(heap.Core.Arenas.ReservedBytes, 1u, nuint.MaxValue);
        heap.Verify();
    }
}
