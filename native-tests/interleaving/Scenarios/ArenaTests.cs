using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Tests.Interleaving.Scheduling;
using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>Arenas that are given back and had again while addresses in them are looked up, including addresses without a block.</summary>
[Trait("Category", "Protocol")]
public sealed unsafe class ArenaTests(ITestOutputHelper output)
{
    // More than half of an arena: each has one of its own.
    private const int Bytes = 40 << 20;
    private const int Pages = Bytes >> PageGeometry.PageShift;

    // Of a wild pointer: from the start of the block that went.
    private const int Inside = 8 << 20;

    private static readonly MisuseKind[] s_nobodys = [MisuseKind.FreePage, MisuseKind.ForeignPointer];

    [LinuxFact]
    public void M09_Look_ups_find_what_is_there_while_an_arena_goes_and_comes_again() =>
        Exploration.RunAllAndSeeds(() => MakeGoing(static world => world.Core.Arenas.GiveBackFree()), output, preemptions: 1);

    [LinuxFact]
    public void M09_A_block_is_known_as_soon_as_its_arena_has_come_again() =>
        Exploration.RunAllAndSeeds(() => MakeComing(static world => world.Core.Arenas.TryGrow(Pages, 1)), output, preemptions: 2);

    [LinuxFact]
    public void M09_A_block_that_is_had_before_its_arena_says_so_is_found() =>
        Exploration.RequireFound(
            () => MakeComing(static world => world.Core.Arenas.MutantExtendBeforeEnd(Pages)), output, preemptions: 2, "is no block");

    [LinuxFact]
    public void M09_What_another_has_mapped_where_an_arena_was_is_foreign() =>
        Exploration.RunAllAndSeeds(() => MakeOther(static world => world.Core.Arenas.GiveBackFree()), output, preemptions: 2);

    [LinuxFact]
    public void M09_Addresses_that_are_given_back_before_their_arena_says_so_are_found() =>
        Exploration.RequireFound(
            () => MakeOther(static world => world.Core.Arenas.MutantGiveBackBeforeEnd()), output, preemptions: 2, "Another's memory is taken for the heap's.");

    [LinuxFact]
    public void M09_What_is_had_of_an_end_that_was_closed_can_be_read() =>
        Exploration.RunAllAndSeeds(() => MakeClosed(static world => world.Core.Arenas.GiveBackFree()), output, preemptions: 2);

    [LinuxFact]
    public void M09_An_end_that_is_closed_before_its_pages_are_taken_is_found() =>
        Exploration.RequireFound(
            () => MakeClosed(static world => world.Core.Arenas.MutantCloseBeforeTaken()), output, preemptions: 1, "A block has no memory.");

    [LinuxFact]
    public void M09_An_address_in_a_heap_that_goes_is_looked_up_by_another() =>
        Exploration.RunAllAndSeeds(() => MakeDisposed(static (world, address) => world.Heap.Native.TryFindBlock((void*)address, out _)), output, preemptions: 2);

    [LinuxFact]
    public void M09_An_arena_that_is_looked_into_after_its_heap_has_gone_is_found() =>
        Exploration.RequireFound(
            () => MakeDisposed(static (_, address) =>
            {
                // As a look-up does, without the lock that is held by the thread that takes an arena out of the table.
                if (ArenaMap.IsInArena(address))
                {
                    InterleavingPoints.At(InterleavingPoint.ArenaFound);
                    Assert.True(IsReadable((nint)ArenaHeader.Descriptor(ArenaHeader.ArenaOf(address))), "An arena is looked into that is gone.");
                }

                return false;
            }),
            output,
            preemptions: 1,
            "An arena is looked into that is gone.");

    // Of two arenas the second is empty, and goes; a thread that needs as much has it again, at the same addresses, or another.
    private static Scenario MakeGoing(Action<ManualWorld> giveBack)
    {
        ManualWorld world = MakeWorld(out nint stays, out nint went);
        return new Scenario(
            world,
            new("gives back", () => giveBack(world)),
            new("allocates", () => UseBlock(world)),
            new("looks up", () =>
            {
                RequireBlock(world, stays);
                AssertNobodys(world, went + Inside);
                AssertNobodysFreed(world, went + Inside);
            }))
        {
            AtEnd = () => AssertOnly(world, stays),
        };
    }

    // The second has gone, and one thread has it again while another only allocates.
    private static Scenario MakeComing(Action<ManualWorld> grow)
    {
        ManualWorld world = MakeWorld(out nint stays, out _);
        world.Core.Arenas.GiveBackFree();
        Assert.Equal(1, world.Core.Pages.ArenaCount);
        return new Scenario(world, new("grows", () => grow(world)), new("allocates", () => UseBlock(world)))
        {
            AtEnd = () => AssertOnly(world, stays),
        };
    }

    // As soon as its addresses belong to the system, other code has them.
    private static Scenario MakeOther(Action<ManualWorld> giveBack)
    {
        ManualWorld world = MakeWorld(out nint stays, out nint went);
        return new Scenario(
            world,
            new("gives back", () => giveBack(world)),
            new("another", () =>
            {
                nuint bytes = OsMemory.PageSize;
                for (int tries = 0; tries < 3; tries++)
                {
                    if (PosixMemory.MapAt(went + Inside, bytes))
                    {
                        bool foreign = !world.Heap.Native.TryFindBlock((void*)(went + Inside), out _) && KindOf(() => world.Heap.Native.UsableSize((void*)(went + Inside))) == MisuseKind.ForeignPointer;
                        PosixMemory.Unmap(went + Inside, bytes);
                        Assert.True(foreign, "Another's memory is taken for the heap's.");
                    }

                    InterleavingPoints.At(InterleavingPoint.ArenaUnmapped);
                }
            }))
        {
            AtEnd = () => AssertOnly(world, stays),
        };
    }

    // What is free after the block is closed, and opened again by the thread that needs it.
    private static Scenario MakeClosed(Action<ManualWorld> close)
    {
        ManualWorld world = new();
        nint stays = 0;
        world.OnThreadThatDies(() => stays = (nint)world.Heap.Native.Alloc(Bytes));
        return new Scenario(
            world,
            new("closes", () =>
            {
                close(world);
                close(world);
            }),
            new("allocates", () => UseBlock(world, Bytes / 4)),
            new("looks up", () => AssertNobodys(world, stays + Bytes + Inside)))
        {
            AtEnd = () => AssertOnly(world, stays),
        };
    }

    // A heap is disposed, and the next may get its addresses.
    private static Scenario MakeDisposed(Func<ManualWorld, nint, bool> find)
    {
        ManualWorld world = new();
        ManualWorld gone = new();
        nint address = 0;
        world.OnThreadThatDies(() => world.Allocate());
        gone.OnThreadThatDies(() => address = gone.Allocate());
        return new Scenario(
            world,
            new("disposes", () =>
            {
                gone.Dispose();
                using ManualWorld next = new();
                nint block = next.Allocate();
                RequireBlock(next, block);
                next.Free(block);
            }),
            new("looks up", () =>
            {
                Assert.False(find(world, address));
                Assert.False(find(world, address));
            }))
        {
            AtEnd = world.AssertAllCanBeFreed,
        };
    }

    private static ManualWorld MakeWorld(out nint stays, out nint went)
    {
        ManualWorld world = new();
        nint first = 0;
        nint second = 0;
        world.OnThreadThatDies(() =>
        {
            first = (nint)world.Heap.Native.Alloc(Bytes);
            second = (nint)world.Heap.Native.Alloc(Bytes);
            world.Heap.Native.Free((void*)second);
        });
        Assert.Equal(2, world.Core.Pages.ArenaCount);
        (stays, went) = (first, second);
        return world;
    }

    private static void UseBlock(ManualWorld world, int bytes = Bytes)
    {
        nint block = (nint)world.Heap.Native.Alloc((nuint)bytes);
        RequireBlock(world, block);
        Assert.True(IsReadable(block) && IsReadable(block + bytes - 1), "A block has no memory.");
        world.Heap.Native.Free((void*)block);
    }

    private static void RequireBlock(ManualWorld world, nint block)
    {
        nuint size = 0;
        MisuseKind? error = KindOf(() => size = world.Heap.Native.UsableSize((void*)block));
        Assert.True(error == null && size >= ManualWorld.Medium, $"What is allocated is no block: {error}.");
        Assert.True(world.Heap.Native.TryFindBlock((void*)block, out BlockInfo found) && found.Address == block, "What is allocated is no block.");
    }

    // Unless the other thread has a block there just then.
    private static void AssertNobodys(ManualWorld world, nint address)
    {
        MisuseKind? kind = KindOf(() => world.Heap.Native.UsableSize((void*)address));
        Assert.True(kind == MisuseKind.InteriorPointer || (kind is { } other && s_nobodys.Contains(other)), $"A wild pointer is {kind}.");
        Assert.True(!world.Heap.Native.TryFindBlock((void*)address, out BlockInfo found) || (found.Address < address && found.Size < Bytes + Inside), "A wild pointer is in a block.");
    }

    private static void AssertNobodysFreed(ManualWorld world, nint address)
    {
        MisuseKind? kind = KindOf(() => world.Heap.Native.Free((void*)address));
        Assert.True(kind == MisuseKind.InteriorPointer || (kind is { } other && s_nobodys.Contains(other)), $"A wild pointer was freed: {kind}.");
    }

    private static void AssertOnly(ManualWorld world, nint stays)
    {
        RequireBlock(world, stays);
        world.AssertSound();
        world.Heap.Native.Free((void*)stays);
        world.AssertAllCanBeFreed();
    }

    private static MisuseKind? KindOf(Action operation)
    {
        try
        {
            operation();
            return null;
        }
        catch (HeapCorruptionException error)
        {
            return error.Kind;
        }
    }

    private static bool IsReadable(nint address) => ProcessMemory.Probe(address) == ByteAccess.Readable;
}
