using SpanHeap.Guard;
using SpanHeap.Guard.Protection;
using SpanHeap.Guard.Records;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Interleaving;

/// <summary>Guarded blocks of a sample for one schedule, whose guards split mappings, of which the process has few.</summary>
/// <remarks>Used by one thread at a time, as schedules run.</remarks>
internal sealed unsafe class GuardWorld : IDisposable
{
    /// <summary>What is asked for with each block.</summary>
    public const int Size = 16;

    private readonly NativeHeap _heap = new(new NativeHeapOptions { Guard = { Mode = GuardMode.Off }, ScavengeDelay = Timeout.InfiniteTimeSpan });
    private readonly HashSet<nint> _live = [];
    private readonly HashSet<nint> _pages = [];
    private readonly MappingBudget _budget;
    private byte _lastStamp;

    public GuardWorld(int mappings)
    {
        _heap.Core.Os.FailAll(OsCall.InstallGuard);
        _budget = new MappingBudget(mappings);
        GuardOptions options = new() { Mode = GuardMode.Sampled, Rate = 1, BudgetBytes = 1 << 20, RecordStacks = false, Alignment = GuardAlignment.End };
        Parts = new GuardParts(_heap.Core.Os, _heap.Core.Pages, _heap.Core.Arenas, _heap.Core.Limit, options, null, _budget, static (_, _) => Assert.Fail("written to after its free"));
        Guard = new GuardedBlocks(Parts);
    }

    public GuardParts Parts { get; }

    public GuardedBlocks Guard { get; }

    /// <summary>A block that was free and does not fault, or 0: others have all mappings for a moment.</summary>
    public nint Allocate()
    {
        nint block = (nint)Guard.TryAllocate(Size, 1, zeroed: false, out _);
        if (block != 0)
        {
            Assert.True(_live.Add(block), $"The block {block:x} was given out twice.");
            nint page = block & -PageGeometry.PageSize;
            _pages.Add(page);
            _pages.Add(page + PageGeometry.PageSize);
            RequireAccessible(block);
            *(byte*)block = ++_lastStamp;
        }

        return block;
    }

    public void Free(nint block) => Free(block, address => Guard.Free(address));

    public void Free(nint block, Action<nint> free)
    {
        Assert.True(_live.Remove(block), $"The block {block:x} is not the program's.");
        RequireAccessible(block);
        free(block);
    }

    /// <summary>Looks a block up as the fault handler does, which takes no lock: what it finds is of a block there.</summary>
    public static void ReportFault(nint address)
    {
        GuardRecord* at = GuardRecord.OfPage(address);
        GuardRecord copy = *at;
        InterleavingPoints.At(InterleavingPoint.GuardUnlinked);
        if (copy.Magic == GuardRecord.LinkMagic)
        {
            at = (GuardRecord*)copy.Address;
            copy = *at;
            InterleavingPoints.At(InterleavingPoint.GuardUnlinked);
        }

        while (copy.Magic == GuardRecord.RecordMagic && copy.State != GuardState.None)
        {
            GuardRecord again = *at;
            if (again.Sequence == copy.Sequence)
            {
                Assert.True(copy.ByteCount == Size && copy.State is GuardState.Live or GuardState.Freed, $"The record of {address:x} is of no block.");
                Assert.True(copy.Address >= copy.SpanBase && copy.Address < copy.SpanBase + PageGeometry.PageSize, $"The record of {address:x} is of two blocks.");
                return;
            }

            copy = again;
            InterleavingPoints.At(InterleavingPoint.GuardUnlinked);
        }
    }

    /// <summary>Each block in the hands of the program is found and does not fault, and no more mappings are split than there are.</summary>
    public void Check()
    {
        foreach (nint block in _live)
        {
            RequireAccessible(block);
            Assert.True(Guard.TryFind(block, out GuardRecord record) && record.Address == block && record.State == GuardState.Live, $"The block {block:x} is not found.");
        }

        Assert.True(Guard.Statistics.Mappings >= 0, "A mapping was given back twice.");
    }

    /// <summary>All is freed, and leaves quarantine: nothing is left anywhere, and no page faults.</summary>
    public void AssertAllCanBeFreed()
    {
        Assert.Equal(_live.Count, Guard.Statistics.LiveBlocks);
        foreach (nint block in _live.ToArray())
        {
            Free(block);
            Assert.Throws<HeapCorruptionException>(() => Guard.Free(block));
        }

        Guard.RetireFor(1);
        GuardStatistics statistics = Guard.Statistics;
        Assert.True(
            (statistics.Mappings, Guard.SamplePages, statistics.QuarantinedBlocks, _heap.Core.Limit.GuardedPages) == (0, 0, 0, 0),
            $"All is freed, but {statistics.Mappings} mappings, {Guard.SamplePages} pages of the sample and {_heap.Core.Limit.GuardedPages} in all are left.");
        foreach (nint page in _pages)
        {
            Assert.True(ProcessMemory.Probe(page) == ByteAccess.Readable, $"The free page {page:x} faults.");
            Assert.Equal(PageEntry.Unused, *ArenaHeader.EntryOf(page));
        }

        _heap.Verify();
    }

    public void Dispose()
    {
        Guard.Close();
        _heap.Dispose();
    }

    private static void RequireAccessible(nint block) =>
        Assert.True(ProcessMemory.Probe(block) == ByteAccess.Readable, $"The block {block:x} faults in the hands of the program.");
}
