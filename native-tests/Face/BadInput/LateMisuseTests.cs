using SpanHeap.Checks;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Face.BadInput;

/// <summary>How misuse that was found late is reported.</summary>
[Unguarded("with all blocks guarded, no misuse is found late")]
public sealed unsafe class LateMisuseTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Fact]
    public void A_handler_gets_address_and_kind_once()
    {
        using NativeHeap heap = HeapMaker.New(delay: TimeSpan.FromMilliseconds(20));
        List<HeapMisuseEventArgs> raised = Listen(heap);
        byte* first = (byte*)heap.Alloc(64);
        byte* second = (byte*)heap.Alloc(64);
        heap.Free(first);
        heap.Free(first);
        heap.Free(second + 8);
        heap.Trim();
        heap.Free(heap.Alloc(1 << 20));
        Assert.True(SpinWait.SpinUntil(() => Count(raised) >= 2, s_patience), $"{Count(raised)} of 2 were raised");
        lock (raised)
        {
            Assert.Equal(
                [((nint)first, MisuseKind.DoubleFree), ((nint)second + 8, MisuseKind.InteriorPointer)],
                raised.Select(static e => (e.Address, e.Kind)).OrderBy(static e => e.Kind == MisuseKind.InteriorPointer));
        }

        Assert.Equal(2, heap.GetStatistics().MisuseCount);
    }

    [Fact]
    public void A_handler_gets_what_a_trim_found_when_nothing_follows()
    {
        using NativeHeap heap = HeapMaker.New(delay: TimeSpan.FromMilliseconds(20));
        List<HeapMisuseEventArgs> raised = Listen(heap);
        FreeTwice(heap);
        heap.Trim();
        Assert.True(SpinWait.SpinUntil(() => Count(raised) == 1, s_patience / 6), "nothing was raised");
    }

    [Fact]
    public void A_handler_is_called_in_a_heap_that_never_scavenges()
    {
        using NativeHeap heap = HeapMaker.New();
        List<HeapMisuseEventArgs> raised = Listen(heap);
        FreeTwice(heap);
        heap.Trim();
        Assert.True(SpinWait.SpinUntil(() => Count(raised) == 1, s_patience / 6), "nothing was raised");
    }

    [Fact]
    public void Without_a_handler_it_is_counted()
    {
        using NativeHeap heap = HeapMaker.New(delay: TimeSpan.FromMilliseconds(10));
        FreeTwice(heap);
        heap.Trim();
        Assert.Equal(1, heap.GetStatistics().MisuseCount);
        Misuse.AssertGoesOn(heap);
    }

    [Fact]
    public void The_timer_finds_it_without_a_trim()
    {
        using NativeHeap heap = HeapMaker.New(delay: TimeSpan.FromMilliseconds(10));
        List<HeapMisuseEventArgs> raised = Listen(heap);

        // Enough frees that blocks leave the thread's stack.
        nint[] blocks = [.. Enumerable.Range(0, 5000).Select(_ => (nint)heap.Alloc(64))];
        heap.Free((void*)blocks[0]);
        Array.ForEach(blocks, block => heap.Free((void*)block));
        Assert.True(SpinWait.SpinUntil(() => Count(raised) == 1, s_patience), "nothing was raised");
    }

    [Fact]
    public void A_process_that_is_to_end_ends_with_the_address_in_its_message()
    {
        ChildProgram.Result child = ChildProgram.Run(EndProcess);
        Assert.NotEqual(0, child.ExitCode);
        Assert.Contains("SpanHeap, heap 'fragile'", child.Error, StringComparison.Ordinal);
        Assert.Contains(child.Output.Trim(), child.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_shared_heap_ends_the_process_where_the_environment_says_so()
    {
        ChildProgram.Result child = ChildProgram.Run(EndShared, ("SPANHEAP_LATE_MISUSE", "failfast"), ("SPANHEAP_SCAVENGE_DELAY_MS", "10"));
        Assert.NotEqual(0, child.ExitCode);
        Assert.Contains("SpanHeap, heap 'Shared'", child.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_meaningless_environment_is_an_error_that_names_the_variable()
    {
        ChildProgram.Result child = ChildProgram.Run(UseShared, ("SPANHEAP_CHECKS", "paranoid"));
        Assert.Equal("FormatException SPANHEAP_CHECKS paranoid", child.Output.Trim());
        Assert.Equal(0, child.ExitCode);
    }

    [Fact]
    public void Beyond_its_capacity_a_log_counts_only()
    {
        MisuseLog log = new();
        for (int i = 0; i < 1000; i++)
        {
            log.Record(i, MisuseKind.DoubleFree);
        }

        Assert.True(log.HasPending);
        (nint Address, MisuseKind Kind)[] taken = log.Take();
        Assert.InRange(taken.Length, 1, 999);
        Assert.Equal(Enumerable.Range(0, taken.Length).Select(static i => ((nint)i, MisuseKind.DoubleFree)), taken);
        Assert.False(log.HasPending);
        Assert.Empty(log.Take());
        Assert.Equal(1000, log.Total);
    }

    private static void EndProcess()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Name = "fragile", LateMisuse = MisuseResponse.FailFast, ScavengeDelay = TimeSpan.FromMilliseconds(10) });
        Console.WriteLine($"0x{FreeTwice(heap):x}");
        heap.Trim();
        WaitForTheEnd(() => heap.Free(heap.Alloc(1 << 20)));
    }

    private static void EndShared()
    {
        FreeTwice(NativeHeap.Shared);
        NativeHeap.Shared.Trim();
        WaitForTheEnd(static () => SpanMemory.Free(SpanMemory.Alloc(1 << 20)));
    }

    private static void UseShared()
    {
        try
        {
            SpanMemory.Free(SpanMemory.Alloc(1));
        }
        catch (FormatException error)
        {
            Console.WriteLine($"{error.GetType().Name} {(error.Message.Contains("SPANHEAP_CHECKS", StringComparison.Ordinal) ? "SPANHEAP_CHECKS" : "")} {(error.Message.Contains("paranoid", StringComparison.Ordinal) ? "paranoid" : "")}");
        }
    }

    private static void WaitForTheEnd(Action activity)
    {
        for (int i = 0; i < 3000; i++)
        {
            activity();
            Thread.Sleep(10);
        }
    }

    private static nint FreeTwice(NativeHeap heap)
    {
        // Others stay out, so that both frees find room on the thread's stack and no slow path sees them.
        void* block = heap.Alloc(64);
        heap.Alloc(64);
        heap.Alloc(64);
        heap.Free(block);
        heap.Free(block);
        return (nint)block;
    }

    private static List<HeapMisuseEventArgs> Listen(NativeHeap heap)
    {
        List<HeapMisuseEventArgs> raised = [];
        heap.MisuseFound += (sender, e) =>
        {
            lock (raised)
            {
                // A wrong sender shows as a missing report: an exception here would end the process.
                raised.AddRange(sender == heap ? [e] : []);
            }
        };
        return raised;
    }

    private static int Count(List<HeapMisuseEventArgs> raised)
    {
        lock (raised)
        {
            return raised.Count;
        }
    }
}
