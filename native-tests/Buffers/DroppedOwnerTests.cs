using System.Buffers;
using System.Runtime.CompilerServices;
using SpanHeap.Buffers;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Buffers;

/// <summary>Owners that nobody disposes.</summary>
public sealed unsafe class DroppedOwnerTests
{
    private const int Count = 20;

    [Fact]
    [Unguarded("where all blocks are guarded, owners that are dropped are found")]
    public void They_keep_their_blocks_and_are_counted_as_in_use()
    {
        using NativeHeap heap = HeapMaker.New();
        Drop(heap, WhenDropped.Keep);
        Collect();

        HeapStatistics now = heap.GetStatistics();
        Assert.Equal((Count, Count, 0), (now.LiveBlocks, now.Owners, now.DroppedOwners));
    }

    [Fact]
    public void They_are_freed_and_counted_where_that_is_asked_for()
    {
        using NativeHeap heap = HeapMaker.New();
        Drop(heap, WhenDropped.Free);
        Collect();

        HeapStatistics now = heap.GetStatistics();
        Assert.Equal((0, 0, Count), (now.LiveBlocks, now.Owners, now.DroppedOwners));
        heap.Verify();
    }

    [Fact]
    public void An_owner_that_is_held_or_pinned_is_not_dropped()
    {
        using NativeHeap heap = HeapMaker.New();
        using MemoryHandle pin = PinOne(heap);
        Memory<byte> memory = heap.Rent<byte>(100, whenDropped: WhenDropped.Free).Memory;
        Collect();

        Assert.Equal((2, 0), (heap.GetStatistics().Owners, heap.GetStatistics().DroppedOwners));
        *(byte*)pin.Pointer = 1;
        memory.Span[0] = 1;
    }

    [Fact]
    public void Owners_that_were_disposed_are_not_found_to_be_dropped()
    {
        using NativeHeap heap = HeapMaker.New();
        DisposeOne(heap);
        Collect();

        Assert.Equal((0, 0), (heap.GetStatistics().Owners, heap.GetStatistics().DroppedOwners));
    }

    [Fact]
    public void They_outlive_their_heap_without_harm()
    {
        NativeHeap heap = HeapMaker.New();
        Drop(heap, WhenDropped.Free);
        heap.Dispose();
        Collect();

        Assert.True(heap.IsDisposed);
    }

    [Fact]
    public void Where_all_blocks_are_guarded_they_are_found_and_kept()
    {
        using NativeHeap heap = Guarded(reports: false);
        Drop(heap, WhenDropped.Keep);
        Collect();

        HeapStatistics now = heap.GetStatistics();
        Assert.Equal((Count, Count, Count), (now.LiveBlocks, now.Owners, now.DroppedOwners));
        LiveBlockGroup group = Assert.Single(heap.FindLiveBlocks());
        Assert.Equal(Count, group.Blocks);
        Assert.StartsWith($"at {typeof(DroppedOwnerTests).FullName}.{nameof(Drop)}(", group.AllocationStack, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_all_blocks_are_guarded_they_are_reported_with_the_stack_that_rented_them()
    {
        ChildProgram.Result child = ChildProgram.Run(DropInGuardedHeap);

        Assert.Equal(0, child.ExitCode);
        string[] reports = child.Error.Split("SpanHeap: an owner of 100 bytes in the heap 'Dropping' was dropped without having been disposed. It was rented:");
        Assert.Equal(Count + 1, reports.Length);
        Assert.All(reports[1..], static report => Assert.Contains($"{nameof(DroppedOwnerTests)}.{nameof(Drop)}(", report, StringComparison.Ordinal));
        Assert.Contains($"{Count} guarded blocks, together {Count * 100} bytes, were not freed in the heap 'Dropping'", child.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_write_past_the_end_that_the_finalizer_finds_is_misuse_found_late()
    {
        using NativeHeap heap = HeapMaker.New(HeapChecks.Full);
        WritePastEndAndDrop(heap);
        Collect();

        Assert.Equal((1, 1), (heap.GetStatistics().DroppedOwners, heap.GetStatistics().MisuseCount));
    }

    private static void DropInGuardedHeap()
    {
        using NativeHeap heap = Guarded(reports: true);
        Drop(heap, WhenDropped.Keep);
        Collect();
    }

    private static NativeHeap Guarded(bool reports) => new(new NativeHeapOptions
    {
        Name = "Dropping",
        ScavengeDelay = Timeout.InfiniteTimeSpan,
        Guard = { Mode = GuardMode.All, ReportLeaks = reports },
    });

    // Methods of their own, so that no register or stack slot of the test refers to an owner.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Drop(NativeHeap heap, WhenDropped whenDropped)
    {
        for (int i = 0; i < Count; i++)
        {
            heap.Rent<byte>(100, whenDropped: whenDropped).GetSpan()[0] = 1;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static MemoryHandle PinOne(NativeHeap heap) => heap.Rent<byte>(100, whenDropped: WhenDropped.Free).Pin();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void DisposeOne(NativeHeap heap) => heap.Rent<byte>(100, whenDropped: WhenDropped.Free).Dispose();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void WritePastEndAndDrop(NativeHeap heap)
    {
        NativeOwner<byte> owner = heap.Rent<byte>(100, whenDropped: WhenDropped.Free);
        *((byte*)Unsafe.AsPointer(ref owner.GetSpan()[0]) + 100) ^= 1;
    }

    private static void Collect()
    {
        for (int i = 0; i < 2; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }
}
