using System.Runtime.InteropServices;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Spans;

/// <summary>The map is the process's: these look at places where no arena can be, or at arenas of their own.</summary>
public sealed unsafe class ArenaMapTests
{
    // Near the top of what user addresses can be: nothing is mapped there.
    private static readonly nint s_unused = (nint)((1L << 46) + (5L << PageGeometry.ArenaShift));

    [Fact]
    public void Addresses_of_the_stack_of_managed_objects_and_of_malloc_are_in_no_arena()
    {
        int local = 0;
        byte[] managed = GC.AllocateArray<byte>(10, pinned: true);
        void* block = NativeMemory.Alloc(100);
        Assert.False(ArenaMap.IsInArena((nint)(&local)));
        Assert.False(ArenaMap.IsInArena(Marshal.UnsafeAddrOfPinnedArrayElement(managed, 0)));
        Assert.False(ArenaMap.IsInArena((nint)block));
        NativeMemory.Free(block);
    }

    [Theory]
    [InlineData(0L)]
    [InlineData(1L)]
    [InlineData(-1L)]
    [InlineData(long.MinValue)]
    [InlineData(1L << 48)]
    [InlineData(unchecked((long)0xFFFF_8000_0000_0000))]
    public void Addresses_that_no_program_has_are_foreign(long address)
    {
        Assert.False(ArenaMap.IsInArena((nint)address));
        Assert.Equal(ArenaKind.Foreign, ArenaMap.KindOf((nint)address));
    }

    [Fact]
    public void An_arena_is_there_from_its_first_byte_to_its_last()
    {
        nint arena = s_unused;
        ArenaMap.Set(arena, ArenaKind.Arena);
        try
        {
            Assert.True(ArenaMap.IsInArena(arena));
            Assert.True(ArenaMap.IsInArena(arena + PageGeometry.ArenaSize - 1));
            Assert.False(ArenaMap.IsInArena(arena - 1));
            Assert.False(ArenaMap.IsInArena(arena + PageGeometry.ArenaSize));
        }
        finally
        {
            ArenaMap.Set(arena, ArenaKind.Foreign);
        }

        Assert.False(ArenaMap.IsInArena(arena));
    }

    [Fact]
    public void Huge_memory_marks_all_pieces_it_touches_and_no_others()
    {
        nint size = PageGeometry.ArenaSize;
        nint first = s_unused + (10 * size);
        ArenaMap.AddHuge(first + size - 1, (nuint)size + 2);
        Assert.Equal(ArenaKind.Foreign, ArenaMap.KindOf(first - 1));
        Assert.Equal(ArenaKind.Huge, ArenaMap.KindOf(first));
        Assert.Equal(ArenaKind.Huge, ArenaMap.KindOf(first + size));
        Assert.Equal(ArenaKind.Huge, ArenaMap.KindOf(first + (2 * size)));
        Assert.Equal(ArenaKind.Foreign, ArenaMap.KindOf(first + (3 * size)));
        Assert.False(ArenaMap.IsInArena(first));
        for (int i = 0; i < 3; i++)
        {
            ArenaMap.Set(first + (i * size), ArenaKind.Foreign);
        }
    }

    [Fact]
    public void Huge_memory_does_not_overwrite_an_arena()
    {
        nint arena = s_unused + (20 * PageGeometry.ArenaSize);
        ArenaMap.Set(arena, ArenaKind.Arena);
        ArenaMap.AddHuge(arena, 1);
        Assert.True(ArenaMap.IsInArena(arena));
        ArenaMap.Set(arena, ArenaKind.Foreign);
    }

    [Fact]
    public void The_map_covers_what_lies_below_its_end()
    {
        nint end = (nint)1 << (OperatingSystem.IsWindows() ? 47 : 48);
        Assert.True(ArenaMap.Covers(end - 100, 100));
        Assert.False(ArenaMap.Covers(end - 100, 101));
        Assert.False(ArenaMap.Covers(end, 1));
    }

    [Fact]
    public void A_heaps_arenas_are_in_the_map_until_it_is_disposed()
    {
        NativeHeap heap = new();
        nint block = (nint)heap.Alloc(100);
        Assert.True(ArenaMap.IsInArena(block));
        Assert.True(heap.Core.Pages.TryGetArena(0, out nint arena));
        Assert.Equal(arena, ArenaHeader.ArenaOf(block));
        heap.Dispose();

        // Another test's heap may get the very place again; then its arena bears another number.
        Assert.True(!ArenaMap.IsInArena(block) || ArenaHeader.Descriptor(arena)->HeapSerial != heap.Core.Serial);
    }
}
