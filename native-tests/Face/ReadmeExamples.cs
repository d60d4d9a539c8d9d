using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using NativeMemory = SpanHeap.SpanMemory;

namespace SpanHeap.Tests.Face;

#pragma warning disable CS0649, IDE0059, CA1822 // The code stands here as it stands in the README.

[Traced]
partial struct Tree
{
    public Traced<Tree> Left;
    public Traced<Tree> Right;
    public long Key;
}

/// <summary>The README's examples: what is there must be here to the letter, and here it runs.</summary>
public sealed class ReadmeExamples
{
    private struct Point
    {
        public double X;
        public double Y;
    }

    [Fact]
    public void The_first_example_runs()
    {
        unsafe
        {
            int* numbers = (int*)NativeMemory.Alloc(1000, sizeof(int));
            numbers[0] = 42;
            numbers = (int*)NativeMemory.Realloc(numbers, 4000 * sizeof(int));
            NativeMemory.Free(numbers);
        }
    }

    [Fact]
    public void The_example_of_a_heap_runs()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Name = "Pages", MemoryLimit = 512 << 20 });

        unsafe
        {
            Point* points = heap.AllocZeroed<Point>(1_000_000);
            points[7].X = 1.5;

            heap.TryFindBlock(&points[7].Y, out BlockInfo block);
            Console.WriteLine($"{block.Size} bytes at 0x{block.Address:x}");
            Console.WriteLine($"{heap.GetStatistics().PagesInUse} pages in use");
        }   // Dispose frees all blocks of the heap at once.
    }

    [Fact]
    public void The_example_of_a_handle_runs()
    {
        unsafe
        {
            LocalHeap local = NativeHeap.Shared.GetLocal();
            for (int i = 0; i < 1000; i++)
            {
                void* block = local.Alloc(64);
                local.Free(block);
            }
        }
    }

    [Fact]
    public void The_example_of_guard_mode_runs()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Guard = { Mode = GuardMode.All } });

        unsafe
        {
            byte* block = (byte*)heap.Alloc(24);
            heap.Free(block);
            try
            {
                heap.Free(block);   // block[0] = 1 would end the process here, with the same facts
            }
            catch (HeapCorruptionException error)
            {
                Console.WriteLine($"{error.Kind} of {error.Block?.Size} bytes, allocated\n{error.AllocationStack}\nfreed\n{error.FreeStack}");
            }
        }
    }

    [Fact]
    [Unguarded("it makes millions of blocks, some microseconds each")]
    public void The_example_of_traced_memory_runs()
    {
        using TracedHeap heap = new();
        using TracedRoots<Tree> roots = heap.CreateRoots<Tree>(1);   // keeps what it names, as a TracedHandle does one block

        for (long key = 0; key < 1_000_000; key++)
        {
            using TracedScope scope = heap.Enter();
            TracedRef<Tree> tree = scope.New<Tree>();
            tree.Key = key;
            tree.Left = roots.Get(scope, 0);
            roots.Set(scope, 0, key % 1000 == 0 ? default : tree);   // every thousandth lets all before it go
        }

        heap.Collect();   // never needed: collections come as the heap grows, when a thread enters a scope or yields
        Console.WriteLine($"{heap.GetStatistics().LiveBytes} bytes live, longest pause {heap.GetStatistics().LongestPause.TotalMilliseconds} ms");

        heap.FinishSweeping();
        Assert.Equal(1_000_000 - 999, heap.GetStatistics().SmallBlocksFreed);
    }
}
