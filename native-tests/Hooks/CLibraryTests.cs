using SpanHeap.Hooks;
using SpanHeap.Tests.Guard.Faults;
using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Hooks;

/// <summary>A C library gets its memory from a heap.</summary>
[Collection(PlainHookUsers.Name)]
public sealed unsafe class CLibraryTests(ITestOutputHelper output)
{
    private const int Rounds = 100;
    private const string Result = "result ";
    private const int Threads = 4;
    private const int PairsOfThread = 250_000;

    [GccFact]
    public void The_byte_that_it_writes_too_many_is_not_noticed_without_guards()
    {
        ChildProgram.Result child = ChildProgram.Run(Unguarded, (CLibrary.Variable, CLibrary.LibraryPath));

        Assert.Equal((0, $"{Result}{Rounds * 't'}"), (child.ExitCode, child.Output.Trim()));
    }

    [GccFact]
    public void The_byte_that_it_writes_too_many_is_named_with_the_managed_stack_above_it_where_blocks_are_guarded()
    {
        ChildProgram.Result child = ChildProgram.Run(Guarded, (CLibrary.Variable, CLibrary.LibraryPath));

        output.WriteLine(child.Output + child.Error);
        Assert.NotEqual(0, child.ExitCode);
        Assert.DoesNotContain(Result, child.Output, StringComparison.Ordinal);
        if (FaultReportFactAttribute.IsSupported)
        {
            Assert.Contains("0 bytes past the end of a live block of 16 bytes", child.Error, StringComparison.Ordinal);
            Assert.Contains(nameof(CLibrary.Work), child.Error, StringComparison.Ordinal);
            Assert.Contains(nameof(Guarded), child.Error, StringComparison.Ordinal);
        }
    }

    [GccFact]
    public void A_million_pairs_from_threads_that_the_runtime_does_not_know_leave_no_block()
    {
        using NativeHeap heap = HeapMaker.New();
        using HeapHooks hooks = heap.CreateHooks();

        Assert.Equal(0, CLibrary.RunThreads(hooks.Malloc, hooks.Free, Threads, PairsOfThread));

        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
        heap.Verify();
    }

    [GccFact]
    public void Pairs_of_one_size_cost_no_managed_memory_and_no_page_beyond_the_first()
    {
        using NativeHeap heap = HeapMaker.New();
        using HeapHooks hooks = heap.CreateHooks();
        CLibrary.Pairs(hooks.Malloc, hooks.Free, 1000);
        (long pages, long bytes) = (heap.GetStatistics().PagesInUse, GC.GetAllocatedBytesForCurrentThread());

        CLibrary.Pairs(hooks.Malloc, hooks.Free, 100_000);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - bytes, 0, 10_000);
        Assert.Equal((0, pages), (heap.GetStatistics().LiveBlocks, heap.GetStatistics().PagesInUse));
    }

    private static void Unguarded() => Work(GuardMode.Off);

    private static void Guarded() => Work(GuardMode.All);

    private static void Work(GuardMode guard)
    {
        using NativeHeap heap = new(new NativeHeapOptions { Name = "of the library", Guard = { Mode = guard } });
        using HeapHooks hooks = heap.CreateHooks();
        CLibrary.SetAlloc(hooks.MallocInt32, hooks.Free);
        Console.WriteLine($"{Result}{CLibrary.Work(Rounds)}");
    }
}
