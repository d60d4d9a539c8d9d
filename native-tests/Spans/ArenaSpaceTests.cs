using System.Globalization;
using System.Runtime.InteropServices;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Spans;

/// <summary>Arenas where address space is short, or memory locked.</summary>
public sealed unsafe partial class ArenaSpaceTests
{
    private const int MiB = 1 << 20;

    [LinuxFact]
    public void An_arena_costs_its_own_addresses_and_no_more()
    {
        using NativeHeap heap = StressHeap.Still();
        heap.Free(heap.Alloc(16));
        Assert.Equal(PageGeometry.ArenaSize, heap.GetStatistics().ReservedBytes);
    }

    [LinuxFact]
    public void Where_no_whole_arena_can_be_had_short_ones_serve()
    {
        using NativeHeap heap = StressHeap.Still();
        heap.Core.Os.LargestMap = 2 * MiB;
        nint[] blocks = [.. StressHeap.AllocateMany(heap, 200, 100_000), .. StressHeap.AllocateMany(heap, 30, 500_000)];
        HeapStatistics now = heap.GetStatistics();
        Assert.InRange(now.ReservedBytes, now.LiveBytes, 3 * now.LiveBytes);
        heap.Verify();
        StressHeap.FreeAll(heap, blocks);
        heap.Trim();
        heap.Verify();
    }

    [LinuxFact]
    public void A_short_arena_becomes_longer_before_another_is_added()
    {
        using NativeHeap heap = ShortHeapWithRoomAfterIt();
        Assert.InRange(heap.GetStatistics().ReservedBytes, 1, 4 * MiB);

        heap.Core.Os.LargestMap = nuint.MaxValue;
        nint[] blocks = StressHeap.AllocateMany(heap, 40, MiB);

        HeapStatistics now = heap.GetStatistics();
        Assert.Equal((1, PageGeometry.ArenaSize), (now.Arenas, now.ReservedBytes));
        heap.Verify();
        StressHeap.FreeAll(heap, blocks);
    }

    // A heap whose arena is short although nothing in the process, such as code that was just compiled, stands where the rest of it would be.
    private static NativeHeap ShortHeapWithRoomAfterIt()
    {
        const int MostHeaps = 16;
        List<NativeHeap> crowded = [];
        try
        {
            while (true)
            {
                NativeHeap heap = StressHeap.Still();
                heap.Core.Os.LargestMap = 2 * MiB;
                nint block = (nint)heap.Alloc(16);
                nint arena = ArenaHeader.ArenaOf(block);
                nint end = ArenaHeader.EndOf(arena);
                heap.Free((void*)block);
                nuint rest = (nuint)(arena + PageGeometry.ArenaSize - end);
                if (PosixMemory.MapAt(end, rest))
                {
                    Assert.True(PosixMemory.Unmap(end, rest));
                    return heap;
                }

                // Kept until another has found a place, which is then not this one.
                crowded.Add(heap);
                Assert.True(crowded.Count < MostHeaps, "Something stands after each short arena.");
            }
        }
        finally
        {
            crowded.ForEach(static heap => heap.Dispose());
        }
    }

    [LinuxFact]
    public void Addresses_after_the_end_of_a_short_arena_are_not_the_heaps()
    {
        using NativeHeap heap = StressHeap.Still();
        heap.Core.Os.LargestMap = 2 * MiB;
        nint block = (nint)heap.Alloc(16);
        nint end = ArenaHeader.EndOf(ArenaHeader.ArenaOf(block));

        // What others have there, if the place is still free.
        bool mapped = PosixMemory.MapAt(end, OsMemory.PageSize);
        Assert.True(ArenaMap.Holds(end - 1));
        Assert.False(ArenaMap.Holds(end));
        Assert.False(heap.TryFindBlock((void*)end, out _));
        foreach (Action<nint> use in (Action<nint>[])[
            address => heap.Free((void*)address), address => heap.UsableSize((void*)address), address => heap.Realloc((void*)address, 100)])
        {
            HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(() => use(end));
            Assert.Equal(MisuseKind.ForeignPointer, error.Kind);
        }

        Assert.True(!mapped || PosixMemory.Unmap(end, OsMemory.PageSize));
        heap.Free((void*)block);
        heap.Verify();
    }

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void Where_the_system_maps_nothing_the_platforms_allocator_is_asked(HeapChecks checks)
    {
        using NativeHeap heap = StressHeap.Still(checks);
        heap.Core.Os.FailAll(OsCall.MapArena);
        nint[] blocks = StressHeap.AllocateMany(heap, 30, 5 * MiB);
        Assert.True(heap.Core.Os.Calls(OsCall.ReserveArena) > 0);
        heap.Verify();
        StressHeap.FreeAll(heap, blocks);
        heap.Verify();
    }

    [LinuxFact]
    [Unguarded("guards take address space of their own")]
    public void Most_of_the_little_address_space_that_is_left_is_served()
    {
        ChildProgram.Result child = ChildProgram.Run(FillWhatIsLeft);

        Assert.True(child.ExitCode == 0, child.Error);

        // The heap had its first arena before the limit.
        const int First = 64;
        Assert.InRange(int.Parse(child.Output.Trim(), CultureInfo.InvariantCulture), First + 100, First + 150);
    }

    [LinuxFact]
    [Unguarded("guards take address space of their own")]
    public void Where_memory_is_locked_as_it_is_mapped_a_heap_reserves_what_it_needs()
    {
        ChildProgram.Result child = ChildProgram.Run(LockAll);

        Assert.True(child.ExitCode == 0, child.Error);
        if (child.Output.Trim() != "refused")
        {
            Assert.InRange(int.Parse(child.Output.Trim(), CultureInfo.InvariantCulture), 1, 4);
        }
    }

    // Prints how many MiB of the first arena and 150 more were served in blocks of 16 KiB, and leaves 0 behind if the heap goes on afterwards.
    private static void FillWhatIsLeft()
    {
        const int AddressSpace = 9;
        const int Size = 16 * 1024;
        nint[] blocks = new nint[20_000];
        using NativeHeap heap = StressHeap.Still();
        // What an exception needs is there before address space is short.
        Catch(() => heap.Alloc(nuint.MaxValue));
        Console.Out.Flush();
        Limit limit;
        Require(GetLimit(AddressSpace, &limit) == 0);
        Limit tight = limit with { Now = (ulong)Environment.SystemPageSize * Pages() + (150 * MiB) };
        Require(SetLimit(AddressSpace, &tight) == 0);
        int count = 0;
        Catch(() =>
        {
            for (; count < blocks.Length; count++)
            {
                blocks[count] = (nint)heap.Alloc(Size);
            }
        });
        Require(SetLimit(AddressSpace, &limit) == 0);
        Console.WriteLine((long)count * Size / MiB);
        StressHeap.FreeAll(heap, blocks[..count]);
        heap.Free(heap.Alloc(40 * MiB));
        heap.Verify();
    }

    private static void LockAll()
    {
        const int Future = 2;
        using NativeHeap heap = StressHeap.Still();
        if (LockMemory(Future) != 0)
        {
            Console.WriteLine("refused");
            return;
        }

        heap.Free(heap.Alloc(16));
        long reserved = heap.GetStatistics().ReservedBytes;
        Require(UnlockMemory() == 0);
        Console.WriteLine(reserved / MiB);
        StressHeap.FreeAll(heap, StressHeap.AllocateMany(heap, 40, 100_000));
        heap.Verify();
    }

    private static void Catch(Action action)
    {
        try
        {
            action();
        }
        catch (OutOfMemoryException)
        {
        }
    }

    private static void Require(bool holds)
    {
        if (!holds)
        {
            throw new InvalidOperationException("the system refused");
        }
    }

    private static ulong Pages() =>
        ulong.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[0], CultureInfo.InvariantCulture);

    private record struct Limit(ulong Now, ulong Most);

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int GetLimit(int resource, Limit* limit);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetLimit(int resource, Limit* limit);

    [LibraryImport("libc", EntryPoint = "mlockall")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int LockMemory(int flags);

    [LibraryImport("libc", EntryPoint = "munlockall")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int UnlockMemory();
}
