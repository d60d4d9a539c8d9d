using System.Runtime.CompilerServices;
using SpanHeap.Heap;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Heap;

/// <summary>Blocks whose owners are garbage. Alone in the process, because it is the process's garbage that is collected.</summary>
[Collection(WholeProcess.Name)]
public sealed unsafe class GarbageReliefTests
{
    private const int MiB = 1 << 20;
    private const int Limit = 16 * MiB;
    private const int Size = 900_000;

    [Fact]
    public void Blocks_of_unreachable_objects_serve_before_the_limit_refuses()
    {
        using NativeHeap heap = StressHeap.Still(memoryLimit: Limit);
        DropOwners(heap, 14);
        GarbageRelief.ForgetLast();
        long before = GarbageRelief.Count;

        for (int i = 0; i < 10; i++)
        {
            heap.Alloc(Size);
        }

        Assert.Equal(before + 1, GarbageRelief.Count);
        heap.Verify();
    }

    [Fact]
    public void An_option_has_the_limit_refuse_at_once()
    {
        using NativeHeap heap = new(new NativeHeapOptions { MemoryLimit = Limit, CollectAtLimit = false });
        GarbageRelief.ForgetLast();
        long before = GarbageRelief.Count;
        Assert.Throws<OutOfMemoryException>(() => (nint)heap.Alloc(Limit));
        Assert.Equal(before, GarbageRelief.Count);
    }

    [Fact]
    public void Requests_that_are_refused_again_and_again_cost_one_collection()
    {
        using NativeHeap heap = StressHeap.Still(memoryLimit: Limit);
        GarbageRelief.ForgetLast();
        long before = GarbageRelief.Count;
        Assert.Throws<OutOfMemoryException>(() => (nint)heap.Alloc(Limit));
        long start = Environment.TickCount64;
        for (int i = 0; i < 20; i++)
        {
            Assert.Throws<OutOfMemoryException>(() => (nint)heap.Alloc(Limit));
        }

        Assert.InRange(GarbageRelief.Count, before + 1, before + 1 + ((Environment.TickCount64 - start) / 1000));
    }

    [Fact]
    public void A_finalizer_that_waits_for_the_allocating_thread_does_not_stop_it()
    {
        using NativeHeap heap = StressHeap.Still(memoryLimit: Limit);
        object gate = new();
        long before = GarbageRelief.Count;
        lock (gate)
        {
            DropOwner(gate);
            GarbageRelief.ForgetLast();
            Assert.Throws<OutOfMemoryException>(() => (nint)heap.Alloc(Limit));
            Assert.Equal(before, GarbageRelief.Count);
        }

        StressWait.Until(() => GarbageRelief.Count > before, static () => "the collection does not end");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void DropOwners(NativeHeap heap, int count)
    {
        for (int i = 0; i < count; i++)
        {
            _ = new Owner(heap, Size);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void DropOwner(object gate) => _ = new Waiter(gate);

    private sealed class Owner(NativeHeap heap, int size)
    {
        private readonly nint _block = (nint)heap.Alloc((nuint)size);

        ~Owner() => heap.Free((void*)_block);
    }

    private sealed class Waiter(object gate)
    {
        ~Waiter()
        {
            lock (gate)
            {
            }
        }
    }
}
