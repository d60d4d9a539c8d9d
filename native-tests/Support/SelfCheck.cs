using System.Runtime.InteropServices;
using SpanHeap.Tests.Stress;

namespace SpanHeap.Tests.Support;

/// <summary>
/// A short look at everything that depends on the platform, for processes other than the test runner's: under another malloc, under
/// another system. Prints a line that says so when all is well, throws otherwise.
/// </summary>
internal static unsafe class SelfCheck
{
    public const string Passed = "self check passed";

    public static void Run()
    {
        NothingIsResidentAtFirst();
        RunModel(HeapChecks.Standard);
        RunModel(HeapChecks.Full);
        UseShared();
        ShrinkWhenIdle();
        RefuseForeign();
        Console.WriteLine($"{Passed} on {(OperatingSystem.IsWindows() ? "Windows" : "Unix")}, {IntPtr.Size * 8} bits");
    }

    // Arenas are discarded once: whatever malloc is underneath, their memory is not touched for being reserved.
    private static void NothingIsResidentAtFirst()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        using NativeHeap heap = StressHeap.Still();
        long before = StressMemory.Resident();
        nint[] blocks = StressHeap.AllocateMany(heap, 3, 40_000_000 / 4096);
        heap.Free(heap.Alloc(60_000_000));
        heap.Free(heap.Alloc(60_000_000));
        Assert.InRange(StressMemory.Resident() - before, long.MinValue, 24 * StressMemory.MiB);
        StressHeap.FreeAll(heap, blocks);
    }

    private static void RunModel(HeapChecks checks)
    {
        using NativeHeap heap = StressHeap.Still(checks);
        new ModelRun(heap, seed: 20_240_607, threads: 1).Run(phases: 3, operationsPerPhase: 20_000, compare: true);

        if (OperatingSystem.IsWindows())
        {
            // Under wine threads that leave much to collect end in an internal error of the runtime, with or without a heap.
            FreeAcrossThreads(heap);
        }
        else
        {
            new ModelRun(heap, seed: 20_240_608, threads: 3).Run(phases: 1, operationsPerPhase: 60_000, compare: false);
        }

        heap.Trim();
        heap.Verify();
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    private static void FreeAcrossThreads(NativeHeap heap)
    {
        nint[][] made = new nint[3][];
        for (int round = 0; round < 20; round++)
        {
            StressThreads.Run(3, number => made[number] = StressHeap.AllocateMany(heap, 500, 100 + (number * 1000)));
            StressThreads.Run(3, number => StressHeap.FreeAll(heap, made[(number + 1) % 3]));
        }
    }

    private static void UseShared()
    {
        void* block = SpanMemory.AllocZeroed(1000, 8);
        block = SpanMemory.Realloc(block, 1_000_000);
        Assert.Equal(0, *(long*)block);
        SpanMemory.Free(block);
        block = SpanMemory.AlignedAlloc(5000, 65_536);
        Assert.Equal((nuint)0, (nuint)block % 65_536);
        SpanMemory.AlignedFree(block);
        NativeHeap.Shared.Verify();
    }

    private static void ShrinkWhenIdle()
    {
        using NativeHeap heap = StressHeap.Restless();
        for (int round = 0; round < 3; round++)
        {
            byte* zeroed = (byte*)heap.AllocZeroed(2_000_000);
            Assert.Equal(-1, new System.Span<byte>(zeroed, 2_000_000).IndexOfAnyExcept((byte)0));
            new System.Span<byte>(zeroed, 2_000_000).Fill(0x5A);
            heap.Free(zeroed);
            using StressWorker worker = new();
            worker.Do(() => StressHeap.FreeAll(heap, StressHeap.AllocateMany(heap, 20_000, 300)));
            heap.Trim();
            StressWait.Until(() => heap.GetStatistics().PagesFree == 0, static () => "pages stay free");
            heap.Verify();
        }
    }

    private static void RefuseForeign()
    {
        using NativeHeap heap = StressHeap.Still();
        void* foreign = NativeMemory.Alloc(100);
        long onStack = 0;
        nint stack = (nint)(&onStack);
        Assert.Throws<HeapCorruptionException>(() => heap.Free(foreign));
        Assert.Throws<HeapCorruptionException>(() => heap.Free((void*)stack));
        NativeMemory.Free(foreign);
        heap.Verify();
    }
}
