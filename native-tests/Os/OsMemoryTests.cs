using SpanHeap.Os;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Os;

public sealed unsafe class OsMemoryTests
{
    private readonly OsMemory _os = new();

    [Fact]
    public void Calls_are_counted_by_kind()
    {
        void* first = _os.Allocate(OsCall.ReserveArena, 100, zeroed: false);
        void* second = _os.Allocate(OsCall.AllocateHuge, 100, zeroed: true);
        _os.Free(first);
        _os.Free(second);
        Assert.Equal(1, _os.Calls(OsCall.ReserveArena));
        Assert.Equal(1, _os.Calls(OsCall.AllocateHuge));
        Assert.Equal(2, _os.Calls(OsCall.ReleaseArena));
        Assert.Equal(4, _os.TotalCalls);
    }

    [Fact]
    public void An_allocation_that_the_platform_cannot_give_is_null_and_counted()
    {
        Assert.True(_os.Allocate(OsCall.AllocateHuge, (nuint)1 << 62, zeroed: false) == null);
        Assert.Equal(1, _os.Failures(OsCall.AllocateHuge));
    }

    [Fact]
    public void The_call_asked_for_is_refused_and_all_after_it()
    {
        _os.FailAfter(2);
        void* first = _os.Allocate(OsCall.AllocateMetadata, 16, zeroed: false);
        void* second = _os.Allocate(OsCall.AllocateMetadata, 16, zeroed: false);
        Assert.True(first != null && second != null);
        Assert.True(_os.Allocate(OsCall.AllocateMetadata, 16, zeroed: false) == null);
        Assert.True(_os.Allocate(OsCall.AllocateMetadata, 16, zeroed: false) == null);
        _os.FailAfter(-1);
        void* third = _os.Reallocate(OsCall.AllocateMetadata, first, 32);
        Assert.True(third != null);
        _os.Free(second);
        _os.Free(third);
    }

    [Fact]
    public void Discarded_memory_can_be_used_again_and_is_zero_where_the_system_promises()
    {
        nuint page = OsMemory.PageSize;
        byte* block = (byte*)_os.Allocate(OsCall.ReserveArena, 40 * page, zeroed: false);
        byte* inside = (byte*)(((nuint)block + page - 1) & ~(page - 1));
        new Span<byte>(inside, (int)(32 * page)).Fill(1);
        Assert.True(_os.Discard((nint)inside, 32 * page));
        if (OsMemory.DiscardedPagesAreZero)
        {
            Assert.Equal(-1, new Span<byte>(inside, (int)(32 * page)).IndexOfAnyExcept((byte)0));
        }

        new Span<byte>(inside, (int)(32 * page)).Fill(2);
        _os.Free(block);
    }

    [LinuxFact]
    public void A_discard_is_believed_only_if_the_page_reads_as_zero_afterwards()
    {
        static bool AcceptsAndDoesNothing(nint address, nuint bytes) => true;
        static bool Refuses(nint address, nuint bytes) => false;
        static bool Zeroes(nint address, nuint bytes)
        {
            new Span<byte>((void*)address, (int)bytes).Clear();
            return true;
        }

        Assert.False(OsMemory.TryDiscard(&AcceptsAndDoesNothing));
        Assert.False(OsMemory.TryDiscard(&Refuses));
        Assert.True(OsMemory.TryDiscard(&Zeroes));
    }

    [Fact]
    public void A_range_that_is_no_memory_is_refused_and_counted()
    {
        Assert.False(_os.Fault((nint)1 << 46, OsMemory.PageSize));
        Assert.Equal(1, _os.Failures(OsCall.Fault));
    }

    [Fact]
    public void Memory_made_inaccessible_is_as_before_when_that_is_undone()
    {
        nuint page = OsMemory.PageSize;
        byte* block = (byte*)_os.Allocate(OsCall.ReserveArena, 4 * page, zeroed: false);
        byte* inside = (byte*)(((nuint)block + page - 1) & ~(page - 1));
        *inside = 7;
        Assert.True(_os.Fault((nint)inside, page));
        Assert.True(_os.Unfault((nint)inside, page));
        Assert.Equal(7, *inside);
        _os.Free(block);
    }
}
