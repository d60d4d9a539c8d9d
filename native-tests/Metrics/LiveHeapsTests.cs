using System.Diagnostics;
using System.Reflection;
using SpanHeap.Contract;
using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Metrics;

/// <summary>Heaps as people see them: the list of all, one line of text, and the view of a debugger.</summary>
public sealed unsafe class LiveHeapsTests
{
    [Fact]
    public void All_has_the_heaps_that_the_program_has_created_in_their_order()
    {
        using NativeHeap first = HeapMaker.New();
        using TracedHeap second = TracedHeaps.Still();
        using NativeHeap third = HeapMaker.New();

        Assert.Equal([first, second.Native, third], NativeHeap.All.Where(heap => heap == first || heap == second.Native || heap == third));
        Assert.DoesNotContain(NativeHeap.Shared, NativeHeap.All);
    }

    [Fact]
    public void A_heap_that_is_disposed_is_not_in_it_and_a_snapshot_stays_as_it_is()
    {
        NativeHeap heap = HeapMaker.New();
        IReadOnlyList<NativeHeap> before = NativeHeap.All;

        heap.Dispose();

        Assert.Contains(heap, before);
        Assert.DoesNotContain(heap, NativeHeap.All);
    }

    [Fact]
    public void A_second_dispose_removes_no_other_heap()
    {
        NativeHeap heap = HeapMaker.New();
        heap.Dispose();
        NativeHeap[] later = [.. Enumerable.Range(0, 50).Select(static _ => HeapMaker.New())];

        heap.Dispose();

        Assert.Equal(later, NativeHeap.All.Intersect(later));
        Array.ForEach(later, static one => one.Dispose());
    }

    [Fact]
    public void Heaps_that_threads_create_at_once_are_all_in_it()
    {
        NativeHeap[] heaps = new NativeHeap[400];
        Parallel.For(0, heaps.Length, i => heaps[i] = HeapMaker.New());

        Assert.Equal(heaps.Length, NativeHeap.All.Intersect(heaps).Count());
        Parallel.ForEach(heaps, static heap => heap.Dispose());
        Assert.Empty(NativeHeap.All.Intersect(heaps));
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1024, "1 KiB")]
    [InlineData(1_572_864, "1.5 MiB")]
    [InlineData(long.MaxValue, "8 EiB")]
    [InlineData(-2048, "-2 KiB")]
    public void Bytes_are_written_in_their_largest_unit(long bytes, string text) => Assert.Equal(text, Readable.Bytes(bytes));

    [Fact]
    [Unguarded("the block takes other pages")]
    public void A_heap_says_its_name_and_its_memory_in_one_line()
    {
        NativeHeap heap = new(new NativeHeapOptions { Name = "Pages", MemoryLimit = 512 << 20, ScavengeDelay = Timeout.InfiniteTimeSpan });
        heap.Alloc(3 << 20);

        Assert.Equal("Pages: 3 MiB used, 0 B free, limit 512 MiB", heap.ToString());
        heap.Dispose();
        Assert.Equal("Pages: disposed", heap.ToString());
    }

    [Fact]
    [Unguarded("the block takes other pages")]
    public void Statistics_are_one_line()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Name = "Pages", ScavengeDelay = Timeout.InfiniteTimeSpan });
        heap.Alloc(3 << 20);

        Assert.StartsWith("Pages: 3 MiB in 1 live block, 0 B cached, 3", heap.GetStatistics().ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain('\n', heap.GetStatistics().ToString());
    }

    [Fact]
    public void A_heap_with_traced_memory_says_what_lives_in_it()
    {
        TracedHeap heap = new(new TracedHeapOptions { Name = "Graph", ScavengeDelay = Timeout.InfiniteTimeSpan });
        heap.Collect();

        Assert.Equal("Graph: 0 B used, 0 B free; traced: 0 B live after 1 collection", heap.ToString());
        Assert.StartsWith("0 B live, next collection at ", heap.GetStatistics().ToString(), StringComparison.Ordinal);
        heap.Dispose();
        Assert.Equal("Graph: disposed", heap.ToString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_debugger_shows_figures_of_any_heap(bool isDisposed)
    {
        NativeHeap native = HeapMaker.New();
        TracedHeap traced = TracedHeaps.Still();
        if (isDisposed)
        {
            native.Dispose();
            traced.Dispose();
        }

        Assert.All((object[])[native, traced], heap =>
        {
            Type view = Type.GetType(heap.GetType().GetCustomAttribute<DebuggerTypeProxyAttribute>()!.ProxyTypeName)!;
            object shown = Activator.CreateInstance(view, heap)!;
            Assert.Equal(isDisposed, view.GetProperty("IsDisposed")!.GetValue(shown));
            Assert.All(view.GetProperties(), property => property.GetValue(shown));
        });
        native.Dispose();
        traced.Dispose();
    }
}
