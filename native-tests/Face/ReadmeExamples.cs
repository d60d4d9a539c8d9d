using NativeMemory = SpanHeap.SpanMemory;

namespace SpanHeap.Tests.Face;

#pragma warning disable IDE0059, CA1822 // The code stands here as it stands in the README.

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
}
