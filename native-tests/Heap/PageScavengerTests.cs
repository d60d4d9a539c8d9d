using System.Runtime.InteropServices;
using SpanHeap.Heap;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Heap;

/// <summary>Free pages go back, and what the system refuses is remembered. Rounds are done by hand: calls are counted, not time.</summary>
[Unguarded("it counts calls and pages of the page heap")]
public sealed unsafe partial class PageScavengerTests
{
    private const int BlockBytes = 32 << 20;

    [LinuxFact]
    public void One_locked_page_costs_some_calls_once_and_is_all_that_stays_resident()
    {
        using NativeHeap heap = StressHeap.Still();
        byte* block = Touched(heap);
        byte* locked = (byte*)(((nuint)block + (BlockBytes / 2)) & ~(OsMemory.PageSize - 1));
        Assert.Equal(0, Lock(locked, 4096));
        heap.Free(block);

        Rounds(heap, 4);
        long refused = heap.Core.Os.Failures(OsCall.Discard);
        long calls = heap.Core.Os.Calls(OsCall.Discard);
        Assert.InRange(refused, 1, 10);
        Assert.Equal(heap.Core.Pages.Geometry.PagesPerSystemPage, heap.GetStatistics().PagesFree);

        // Tried again after 4, 8, 16, 32, 64 and then each 128 rounds.
        Assert.InRange(Rounds(heap, 300), 0, 14);
        Assert.InRange(heap.Core.Os.Failures(OsCall.Discard) - refused, 4, 8);
        Assert.InRange(heap.Core.Os.Calls(OsCall.Discard) - calls, 4, 8);

        Assert.Equal(0, Unlock(locked, 4096));
        Rounds(heap, 200);
        Assert.Equal(0, heap.GetStatistics().PagesFree);
        heap.Verify();
    }

    [Fact]
    public void A_system_that_takes_nothing_back_is_asked_less_and_less_often()
    {
        using NativeHeap heap = StressHeap.Still();
        byte* block = Touched(heap);
        heap.Core.Os.FailAll(OsCall.Discard);
        heap.Free(block);

        Rounds(heap, 1000);
        Assert.InRange(heap.Core.Os.Failures(OsCall.Discard), DiscardBackoff.MostRefusals, DiscardBackoff.MostRefusals + 20);
        Assert.InRange(Rounds(heap, 1000), 0, 40);

        // All that was free and resident still counts as that, and no page twice.
        Assert.Equal(BlockBytes / PageGeometry.PageSize, heap.GetStatistics().PagesFree);
        heap.Verify();
    }

    [Fact]
    public void A_trim_asks_the_system_again()
    {
        using NativeHeap heap = StressHeap.Still();
        byte* block = Touched(heap);
        heap.Core.Os.FailAll(OsCall.Discard);
        heap.Free(block);
        heap.Trim();
        heap.Core.Os.FailAll((OsCall)(-1));

        heap.Trim();

        Assert.Equal(0, heap.GetStatistics().PagesFree);
        heap.Verify();
    }

    [LinuxFact]
    public void Memory_that_is_read_after_it_was_given_back_goes_back_again()
    {
        using NativeHeap heap = StressHeap.Still();
        byte* block = Touched(heap);

        // A block after it lives, so that the pages are not the end of an arena, which no thread could read.
        heap.Alloc(BlockBytes / 2);
        heap.Free(block);
        heap.Trim();
        Assert.Equal(0, ResidentPages(block));

        // As a debugger does, or a dump of the process.
        long sum = 0;
        for (int at = 0; at < BlockBytes; at += 4096)
        {
            sum += Volatile.Read(ref block[at]);
        }

        Assert.Equal((0L, BlockBytes / 4096), (sum, ResidentPages(block)));
        MaintenanceRound round = new(heap.Core.Maintained, idleOnly: true, MaintenanceStep.Last) { FindsResident = true };
        Assert.InRange(Steps(ref round), BlockBytes / (4096 * 4096), 2000);
        Assert.InRange(heap.GetStatistics().PagesFree, BlockBytes / PageGeometry.PageSize, (BlockBytes / PageGeometry.PageSize) + 512);
        Rounds(heap, 2);

        Assert.Equal(0, ResidentPages(block));
        Assert.Equal(0, heap.GetStatistics().PagesFree);
        heap.Verify();
    }

    [Fact]
    public void Memory_that_a_program_wants_again_and_again_stays_while_it_does()
    {
        using NativeHeap heap = StressHeap.Still();
        for (int i = 0; i < 10; i++)
        {
            heap.Free(Touched(heap));
            int busy = Rounds(heap, 3);

            // Rounds come until nothing is kept any more.
            Assert.Equal(i == 0 ? 1 : 3, busy);
        }

        long discarded = heap.Core.PageScavenger.PagesDiscarded;
        Assert.InRange(discarded, BlockBytes / PageGeometry.PageSize, (BlockBytes / PageGeometry.PageSize) + 64);
        Assert.InRange(Rounds(heap, 100), PageRetention.Rounds - 3, PageRetention.Rounds + 3);
        Assert.Equal(0, heap.GetStatistics().PagesFree);
        heap.Verify();
    }

    [Fact]
    public void Arenas_whose_pages_are_wanted_again_and_again_stay()
    {
        const int Count = 4;
        using NativeHeap heap = StressHeap.Still();
        long reserved = 0;
        for (int i = 0; i < 5; i++)
        {
            byte*[] blocks = [Touched(heap), Touched(heap), Touched(heap), Touched(heap)];
            Assert.Equal(Count, blocks.Length);
            reserved = Math.Max(reserved, heap.GetStatistics().ReservedBytes);
            foreach (byte* block in blocks)
            {
                heap.Free(block);
            }

            Rounds(heap, PageRetention.Rounds - 4);
        }

        Assert.Equal(reserved, heap.GetStatistics().ReservedBytes);

        // Twice at most: once to learn it, and once because arenas that are given up and come back look as if they had never been touched.
        Assert.InRange(heap.Core.PageScavenger.PagesDiscarded, 1, 2 * Count * (BlockBytes / PageGeometry.PageSize));
        heap.Verify();
    }

    [Fact]
    public void A_trim_leaves_nothing_to_a_program_that_wants_it_again_and_again()
    {
        using NativeHeap heap = StressHeap.Still();
        for (int i = 0; i < 3; i++)
        {
            heap.Free(Touched(heap));
            Rounds(heap, 3);
        }

        Assert.InRange(heap.GetStatistics().PagesFree, BlockBytes / PageGeometry.PageSize, long.MaxValue);
        heap.Trim();
        Assert.Equal(0, heap.GetStatistics().PagesFree);
    }

    private static byte* Touched(NativeHeap heap)
    {
        byte* block = (byte*)heap.Alloc(BlockBytes);
        for (int at = 0; at < BlockBytes; at += 4096)
        {
            block[at] = 1;
        }

        return block;
    }

    // Rounds as the maintenance thread does them; how many of them left work for another.
    private static int Rounds(NativeHeap heap, int count)
    {
        int busy = 0;
        for (int i = 0; i < count; i++)
        {
            heap.Core.Clock.Advance();
            MaintenanceRound round = new(heap.Core.Maintained, idleOnly: true, MaintenanceStep.Last) { RetriesRefused = heap.Core.PageScavenger.BeginRetry() };
            Steps(ref round);
            busy += round.IsWorkLeft ? 1 : 0;
        }

        return busy;
    }

    private static int Steps(ref MaintenanceRound round)
    {
        int steps = 1;
        while (round.Step())
        {
            steps++;
        }

        return steps;
    }

    private static int ResidentPages(byte* block)
    {
        byte[] resident = new byte[BlockBytes / 4096];
        fixed (byte* first = resident)
        {
            Assert.True(new OsMemory().TryFindResident((nint)block, BlockBytes, first));
        }

        return resident.Sum(static page => page & 1);
    }

    [LibraryImport("libc", EntryPoint = "mlock")]
    private static partial int Lock(void* address, nuint bytes);

    [LibraryImport("libc", EntryPoint = "munlock")]
    private static partial int Unlock(void* address, nuint bytes);
}
