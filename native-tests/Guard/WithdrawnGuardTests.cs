using SpanHeap.Guard;
using SpanHeap.Guard.Protection;
using SpanHeap.Os;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Guard;

/// <summary>Where guards split mappings and a process has no more of them, blocks of a sample that live on give theirs to those that come.</summary>
public sealed unsafe class WithdrawnGuardTests
{
    private const int Mappings = 4;

    [LinuxFact]
    public void The_block_that_has_had_its_guard_longest_gives_it_up_and_is_freed_as_any()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Guard = { Mode = GuardMode.Off }, ScavengeDelay = Timeout.InfiniteTimeSpan });
        GuardedBlocks guard = Make(heap);
        nint[] blocks = new nint[10];
        for (int i = 0; i < blocks.Length; i++)
        {
            blocks[i] = (nint)guard.TryAllocate(16, 1, zeroed: false, out string? whyNot);
            Assert.Null(whyNot);
        }

        for (int i = 0; i < blocks.Length; i++)
        {
            Assert.Equal(i < blocks.Length - Mappings ? ByteAccess.Readable : ByteAccess.Faults, ProcessMemory.Probe(blocks[i] + 16));
        }

        Assert.Equal(10, guard.LiveBlocks().Sum(static group => group.Blocks));
        foreach (nint block in blocks)
        {
            guard.Free(block);
            Assert.Throws<HeapCorruptionException>(() => guard.Free(block));
        }

        Assert.Equal((0, 0), (guard.SamplePages, guard.Statistics.LiveBlocks));
        guard.RetireFor(1);
        Assert.Equal(0, heap.Core.Limit.GuardedPages);
        guard.Close();
    }

    [LinuxFact]
    public void Blocks_may_be_freed_while_their_guard_is_withdrawn()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Guard = { Mode = GuardMode.Off }, ScavengeDelay = Timeout.InfiniteTimeSpan });
        GuardedBlocks guard = Make(heap);
        StressThreads.Run(4, number =>
        {
            Random random = new(number);
            nint[] mine = new nint[8];
            for (int i = 0; i < 1000; i++)
            {
                ref nint block = ref mine[random.Next(mine.Length)];
                if (block != 0)
                {
                    Assert.Equal((byte)number, *(byte*)block);
                    guard.Free(block);
                }

                // The system may be at the end of its mappings for a moment: others have them.
                block = (nint)guard.TryAllocate(16, 1, zeroed: false, out _);
                if (block != 0)
                {
                    *(byte*)block = (byte)number;
                }
            }

            foreach (nint block in mine.Where(static block => block != 0))
            {
                guard.Free(block);
            }
        });

        Assert.Equal((0, 0), (guard.SamplePages, guard.Statistics.LiveBlocks));
        guard.RetireFor(1);
        Assert.Equal(0, heap.Core.Limit.GuardedPages);
        Assert.Equal(0, guard.Statistics.Mappings);
        guard.Close();
    }

    private static GuardedBlocks Make(NativeHeap heap)
    {
        heap.Core.Os.FailAll(OsCall.InstallGuard);
        GuardOptions options = new() { Mode = GuardMode.Sampled, Rate = 1, BudgetBytes = 1 << 20, RecordStacks = false };
        return new GuardedBlocks(new GuardParts(heap.Core.Os, heap.Core.Pages, heap.Core.Arenas, heap.Core.Limit, options, null, new MappingBudget(Mappings), static (_, _) => Assert.Fail("written")));
    }
}
