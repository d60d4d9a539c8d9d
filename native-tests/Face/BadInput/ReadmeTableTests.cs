using System.Runtime.InteropServices;
using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Face.BadInput;

/// <summary>The table of bad input in the guide is true, line by line: each is tried here, and none stands there that is not.</summary>
[Unguarded("misuse of a guarded block is reported in other ways")]
public sealed unsafe class ReadmeTableTests
{
    private const int Large = 100_000;
    private const int Huge = 80 << 20;

    // What a line says, by its first cell.
    private static readonly (string Line, Action<HeapChecks> Try)[] s_lines =
    [
        ("`Free(null)`", FreeNull),
        ("stack, managed, `malloc`'ed or wild address", UseForeign),
        ("address in a page without a block", UseFreePage),
        ("block of another heap", UseBlockOfAnotherHeap),
        ("inside a large block", UseInsideLarge),
        ("inside a small block, to `Realloc` or `UsableSize`", ResizeInsideSmall),
        ("inside a small block, to `Free`", FreeInsideSmall),
        ("traced block, or inside one", UseTraced),
        ("written past its end", WritePastEnd),
        ("written after it was freed", WriteAfterFree),
        ("freed twice", FreeTwice),
        ("size that cannot be had, count × size that overflows, limit reached", AskForTooMuch),
        ("alignment 0, or not a power of two", AskForBadAlignment),
        ("allocating, freeing, looking or trimming after `Dispose`", UseAfterDispose),
    ];

    public static TheoryData<string, HeapChecks> Lines => GuideTable.WithEachChecks(s_lines.Select(static each => each.Line));

    [Theory]
    [MemberData(nameof(Lines))]
    public void The_line_is_true(string line, HeapChecks checks) => s_lines.First(each => each.Line == line).Try(checks);

    [Fact]
    public void Every_line_is_tried() => Assert.Equal(s_lines.Select(static each => each.Line), GuideTable.Manual);

    [Theory]
    [CombinedChecks]
    public void What_is_found_late_is_counted_and_raised_on_a_pool_thread(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.NewUsed(checks);
        using ManualResetEventSlim raised = new();
        (nint Address, bool OnPool) told = default;
        heap.MisuseFound += (_, misuse) =>
        {
            told = (misuse.Address, Thread.CurrentThread.IsThreadPoolThread);
            raised.Set();
        };
        byte* block = (byte*)heap.Alloc(100);
        heap.Free(block);
        if (checks == HeapChecks.Standard)
        {
            heap.Free(block);
        }
        else
        {
            block[1] = 1;
        }

        Assert.Throws<HeapCorruptionException>(heap.Verify);
        heap.Trim();
        Assert.Equal(1, heap.GetStatistics().MisuseCount);
        Assert.True(raised.Wait(TimeSpan.FromSeconds(30)));
        Assert.Equal(((nint)block, true), told);
        Misuse.AssertGoesOn(heap);
    }

    private static void FreeNull(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.NewUsed(checks);
        heap.Free(null);
        heap.AlignedFree(null);
        heap.GetLocal().Free(null);
        Assert.Equal(0, heap.GetStatistics().MisuseCount);
        Misuse.AssertGoesOn(heap);
    }

    private static void UseForeign(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.NewUsed(checks);
        long local = 0;
        byte[] managed = GC.AllocateUninitializedArray<byte>(100, pinned: true);
        void* allocated = NativeMemory.Alloc(100);
        foreach (nint address in (nint[])[(nint)(&local), Marshal.UnsafeAddrOfPinnedArrayElement(managed, 0), (nint)allocated, 1, nint.MaxValue / 70_000, nint.MaxValue / 5, -8, nint.MinValue])
        {
            Misuse.AssertRefused(heap, address, MisuseKind.ForeignPointer);
        }

        NativeMemory.Free(allocated);
    }

    private static void UseFreePage(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.NewUsed(checks);
        heap.Alloc(16);
        nint gone = (nint)heap.Alloc(5 << 20);
        heap.Free((void*)gone);
        heap.Trim();
        Misuse.AssertRefused(heap, gone + 100_000, MisuseKind.FreePage);
    }

    private static void UseBlockOfAnotherHeap(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.NewUsed(checks);
        using NativeHeap other = HeapMaker.NewUsed(checks);
        foreach (int byteCount in (int[])[16, Large, 5 << 20, Huge])
        {
            nint block = (nint)other.Alloc((nuint)byteCount);
            Misuse.AssertRefused(heap, block, MisuseKind.OtherHeap);
            other.Free((void*)block);
        }
    }

    private static void UseInsideLarge(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.NewUsed(checks);
        foreach (int byteCount in (int[])[Large, 5 << 20, Huge])
        {
            nint block = (nint)heap.Alloc((nuint)byteCount);
            foreach (int offset in (int[])[1, 8, 8192, byteCount - 1])
            {
                Misuse.AssertRefused(heap, block + offset, MisuseKind.InteriorPointer);
            }

            heap.Free((void*)block);
        }
    }

    private static void ResizeInsideSmall(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.NewUsed(checks);
        nint block = (nint)heap.Alloc(100);
        foreach (Action call in (Action[])
            [() => heap.Realloc((void*)(block + 8), 10), () => heap.Realloc((void*)(block + 8), Large), () => heap.AlignedRealloc((void*)(block + 16), 10, 64), () => heap.UsableSize((void*)(block + 1))])
        {
            HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(call);
            Assert.Equal(MisuseKind.InteriorPointer, error.Kind);
            Assert.Contains(checks == HeapChecks.Standard ? $"0x{block:x}" : "0x", error.Message, StringComparison.Ordinal);
        }

        Misuse.AssertGoesOn(heap);
        heap.Free((void*)block);
    }

    private static void FreeInsideSmall(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.NewUsed(checks);
        nint block = (nint)heap.Alloc(100);
        if (checks == HeapChecks.Full)
        {
            Misuse.AssertRefused(heap, block + 8, MisuseKind.InteriorPointer);
            return;
        }

        heap.Free((void*)(block + 8));
        Assert.Throws<HeapCorruptionException>(heap.Verify);
        AssertReportedLate(heap);
    }

    private static void UseTraced(HeapChecks checks)
    {
        using TracedHeap heap = new(new TracedHeapOptions { Checks = checks, ManualOnly = true, ScavengeDelay = Timeout.InfiniteTimeSpan });
        nint small;
        nint large;
        using (TracedScope scope = heap.Enter())
        {
            small = scope.NewValues<byte>(100).Address;
            large = scope.NewValues<byte>(Large).Address;
        }

        foreach (nint address in (nint[])[small, small + 8, large, large + 8, large + 50_000])
        {
            Misuse.AssertRefused(heap.Native, address, MisuseKind.TracedBlock);
        }
    }

    private static void WritePastEnd(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.NewUsed(checks);
        byte* block = (byte*)heap.Alloc(20);
        block[20] ^= 1;
        if (checks == HeapChecks.Full)
        {
            Assert.Equal(MisuseKind.Overflow, Assert.Throws<HeapCorruptionException>(() => heap.Free(block)).Kind);
            Assert.Equal(MisuseKind.Overflow, Assert.Throws<HeapCorruptionException>(() => heap.Realloc(block, 1000)).Kind);
            block[20] ^= 1;
        }

        heap.Free(block);
        AssertNothingIsFound(heap);
    }

    private static void WriteAfterFree(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.NewUsed(checks);
        foreach (int byteCount in (int[])[20, Large])
        {
            byte* block = (byte*)heap.Alloc((nuint)byteCount);
            heap.Free(block);
            block[byteCount / 2] = 1;
            long before = heap.GetStatistics().MisuseCount;
            heap.Trim();
            Assert.Equal(checks == HeapChecks.Full ? 1 : 0, heap.GetStatistics().MisuseCount - before);
        }

        Misuse.AssertGoesOn(heap);

        // Over a sixteenth of the bytes that are kept back.
        long found = heap.GetStatistics().MisuseCount;
        byte* beyond = (byte*)heap.Alloc(300_000);
        heap.Free(beyond);
        beyond[0] = 1;
        heap.Trim();
        Assert.Equal(found, heap.GetStatistics().MisuseCount);
        Misuse.AssertGoesOn(heap);
    }

    private static void FreeTwice(HeapChecks checks)
    {
        foreach (int byteCount in (int[])[16, 5000, Large])
        {
            using NativeHeap heap = HeapMaker.NewUsed(checks);
            nint block = (nint)heap.Alloc((nuint)byteCount);
            heap.Free((void*)block);
            if (checks == HeapChecks.Full)
            {
                Misuse.AssertRefused(heap, block, MisuseKind.DoubleFree);
                continue;
            }

            heap.Free((void*)block);
            AssertReportedLate(heap);
        }

        // Its pages are gone.
        using NativeHeap trimmed = HeapMaker.NewUsed(checks);
        nint gone = (nint)trimmed.Alloc(5 << 20);
        trimmed.Free((void*)gone);
        trimmed.Trim();
        Misuse.AssertFreeRefused(trimmed, gone, MisuseKind.FreePage);
    }

    private static void AskForTooMuch(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.New(checks, limit: 32 << 20);
        nint block = (nint)heap.Alloc(100);
        foreach (Action call in (Action[])
            [
                () => heap.Alloc(nuint.MaxValue), () => heap.Alloc((nuint)1 << 47), () => heap.AllocZeroed(nuint.MaxValue / 2, 4), () => heap.Alloc<long>(nuint.MaxValue / 4),
                () => heap.Alloc(33 << 20), () => heap.AlignedAlloc(33 << 20, 64), () => heap.Realloc((void*)block, nuint.MaxValue), () => heap.Realloc((void*)block, 33 << 20),
                () => heap.AlignedRealloc((void*)block, nuint.MaxValue - 5, 4096),
            ])
        {
            Assert.Throws<OutOfMemoryException>(call);
            heap.Verify();
            Assert.Equal((1, true), (heap.GetStatistics().LiveBlocks, heap.Contains((void*)block)));
        }

        heap.Free((void*)block);
        Misuse.AssertGoesOn(heap);
    }

    private static void AskForBadAlignment(HeapChecks checks)
    {
        using NativeHeap heap = HeapMaker.NewUsed(checks);
        nint block = (nint)heap.Alloc(100);
        foreach (nuint alignment in (nuint[])[0, 3, 12, nuint.MaxValue, ((nuint)1 << 40) + 1])
        {
            Assert.Throws<ArgumentException>(() => heap.AlignedAlloc(10, alignment));
            Assert.Throws<ArgumentException>(() => heap.AlignedRealloc((void*)block, 10, alignment));
            Assert.Throws<ArgumentException>(() => heap.GetLocal().AlignedAlloc(10, alignment));
            Assert.Throws<ArgumentException>(() => SpanMemory.AlignedAlloc(10, alignment));
        }

        heap.Free((void*)block);
        Misuse.AssertGoesOn(heap);
    }

    private static void UseAfterDispose(HeapChecks checks)
    {
        NativeHeap heap = HeapMaker.NewUsed(checks);
        nint block = (nint)heap.Alloc(16);
        heap.Dispose();
        Assert.All(
            (Action[])[() => heap.Alloc(16), () => heap.Alloc(Large), () => heap.Free((void*)block), () => heap.UsableSize((void*)block), () => heap.Contains((void*)block), heap.Trim],
            static call => Assert.Throws<ObjectDisposedException>(call));
    }

    private static void AssertReportedLate(NativeHeap heap)
    {
        heap.Trim();
        Assert.Equal(1, heap.GetStatistics().MisuseCount);
        Misuse.AssertGoesOn(heap);
    }

    private static void AssertNothingIsFound(NativeHeap heap)
    {
        heap.Trim();
        Assert.Equal(0, heap.GetStatistics().MisuseCount);
        Misuse.AssertGoesOn(heap);
    }
}
