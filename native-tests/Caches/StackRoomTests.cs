using SpanHeap.Caches;
using SpanHeap.Spans;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Caches;

/// <summary>How much a stack may hold while a program frees.</summary>
[Unguarded("it is about spans of many blocks, or what caches keep")]
public sealed unsafe class StackRoomTests
{
    private static readonly SizeClassInfo s_info = SizeClasses.Info(SizeClasses.OfShared(64));

    [Theory]
    [InlineData(300)]
    [InlineData(1000)]
    [InlineData(20_000)]
    public void A_stack_is_full_once_for_each_magazine_and_then_as_often_as_the_logarithm_says(int blocks)
    {
        using NativeHeap heap = StressHeap.Still();
        nint[] batch = StressHeap.AllocateMany(heap, blocks, 64);

        int overflows = FreeAll(heap, batch, out int kept);

        // Below two magazines, each time it holds half of the blocks in use. The first time only half of it makes room.
        int logarithm = (int)Math.Log2(2.0 * s_info.MaxParked) + 2;
        Assert.InRange(overflows, 1, (blocks / s_info.MaxParked) + logarithm);
        Assert.InRange(kept, 0, s_info.MinParked);
        heap.Verify();
    }

    private static int FreeAll(NativeHeap heap, nint[] batch, out int kept)
    {
        ClassStack* stack = ThreadCache.Stack(StressHeap.CacheOf(heap), SizeClasses.OfShared(64));
        int overflows = 0;
        kept = stack->Count;
        foreach (nint block in batch)
        {
            heap.Free((void*)block);
            overflows += stack->Count <= kept ? 1 : 0;
            kept = stack->Count;
        }

        return overflows;
    }
}
