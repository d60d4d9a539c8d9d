using System.Globalization;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Spans;

/// <summary>What a heap's limit counts.</summary>
public sealed unsafe class MemoryLimitRuleTests
{
    private const int MiB = 1 << 20;

    [Fact]
    [Unguarded("guarded blocks are counted by themselves")]
    public void Records_of_arenas_without_pages_in_use_do_not_count()
    {
        using NativeHeap heap = StressHeap.Still();
        heap.Free(heap.Alloc(16));
        heap.Trim();
        nuint before = heap.Core.Limit.BytesInUse;
        StressHeap.FreeAll(heap, StressHeap.AllocateMany(heap, 8, 40 * MiB));
        heap.Trim();

        Assert.InRange(heap.Core.Limit.BytesInUse, before, before + 2048);
    }

    [Fact]
    public void Caches_of_threads_count_and_those_beyond_the_limit_are_refused()
    {
        const int Threads = 100;
        const int Limit = 2 * MiB;
        using NativeHeap heap = StressHeap.Still(memoryLimit: Limit);
        using Barrier together = new(Threads);
        int refused = 0;
        nuint most = 0;
        StressThreads.Run(Threads, _ =>
        {
            try
            {
                heap.Free(heap.Alloc(16));
            }
            catch (OutOfMemoryException)
            {
                Interlocked.Increment(ref refused);
            }

            together.SignalAndWait();
            most = heap.Core.Limit.BytesInUse;
            together.SignalAndWait();
        });

        Assert.InRange(refused, Threads / 4, Threads - 10);

        // Records count, but none is refused: a group of magazines is made once the cache that needs it has been charged.
        const int Records = 16 * 1024;
        Assert.InRange((long)most, Limit / 2, Limit + Records);
    }

    [Fact]
    public void Caches_of_threads_alone_do_not_fill_a_heap_so_that_none_gets_a_block()
    {
        const int Threads = 200;
        using NativeHeap heap = StressHeap.Still(memoryLimit: 2 * MiB);
        using Barrier attached = new(Threads);
        int served = 0;
        StressThreads.Run(Threads, _ =>
        {
            bool has = true;
            try
            {
                heap.Core.Attach();
            }
            catch (OutOfMemoryException)
            {
                has = false;
            }

            attached.SignalAndWait();
            if (has && heap.TryAlloc(16) is var block && block != null)
            {
                Interlocked.Increment(ref served);
                heap.Free(block);
            }

            attached.SignalAndWait();
        });

        // How many are served at once depends on when they run: 3 were under an emulator. Without the room for blocks, none is.
        Assert.InRange(served, 1, Threads - 1);
    }

    [LinuxFact]
    [Unguarded("guarded blocks are counted by themselves")]
    public void What_counts_is_what_is_resident_once_all_blocks_are_touched()
    {
        ChildProgram.Result child = ChildProgram.Run(FillAndMeasure);

        Assert.True(child.ExitCode == 0, child.Error);
        int[] figures = [.. child.Output.Trim().Split(' ').Select(static figure => int.Parse(figure, CultureInfo.InvariantCulture))];

        // What the runtime has for itself comes and goes: what it needed to load the meter, for example, serves other things later.
        const int Runtimes = 4 * 1024;
        Assert.InRange(figures[0], (figures[1] * 90 / 100) - Runtimes, (figures[1] * 110 / 100) + Runtimes);
    }

    // Prints, in KiB, by how much the process has grown, and what the heap counts.
    private static void FillAndMeasure()
    {
        const int Threads = 4;
        const int MostBlocks = 100_000;
        nint[] blocks = new nint[Threads * MostBlocks];
        Array.Fill(blocks, 1);
        using (NativeHeap warm = new(new NativeHeapOptions { MemoryLimit = 8 * MiB, CollectAtLimit = false }))
        {
            FillUp(warm, 1, blocks.AsMemory(0, MostBlocks));
        }

        GC.Collect();
        using NativeHeap heap = new(new NativeHeapOptions { MemoryLimit = 96 * MiB, CollectAtLimit = false });
        long before = StressMemory.Resident();
        StressThreads.Run(Threads, number => FillUp(heap, (ulong)number, blocks.AsMemory(number * MostBlocks, MostBlocks)));
        long grown = StressMemory.Resident() - before;
        Console.WriteLine(FormattableString.Invariant($"{grown >> 10} {heap.Core.Limit.BytesInUse >> 10}"));
    }

    private static void FillUp(NativeHeap heap, ulong seed, Memory<nint> blocks)
    {
        StressRandom random = new(seed);
        try
        {
            for (int i = 0; i < blocks.Length; i++)
            {
                int size = random.OneIn(10) ? 16 + random.Below(100_000) : 16 + random.Below(2000);
                nint block = (nint)heap.Alloc((nuint)size);
                new Span<byte>((void*)block, size).Fill(1);
                blocks.Span[i] = block;
            }
        }
        catch (OutOfMemoryException)
        {
        }
    }
}
