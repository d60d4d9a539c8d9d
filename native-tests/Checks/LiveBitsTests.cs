using SpanHeap.Checks;
using SpanHeap.Spans;
using SpanHeap.Tests.Spans;

namespace SpanHeap.Tests.Checks;

public sealed unsafe class LiveBitsTests : IDisposable
{
    private const int FirstPage = 1000;
    private readonly FakeArena _arena = new();

    public void Dispose() => _arena.Dispose();

    [Fact]
    public void A_slot_is_found_from_its_first_byte_only()
    {
        foreach (nuint size in new nuint[] { 8, 48, 1152, 32_768 })
        {
            uint sizeClass = SizeClasses.Of(size);
            Span* span = MakeSpan(sizeClass);
            for (int within = 0; within < span->Pages << 13; within++)
            {
                nint address = span->Base + within;
                bool expected = within % (int)span->SlotSize == 0 && within / (int)span->SlotSize < span->Slots;
                bool found = LiveBits.TryFindSlot(address, *ArenaHeader.EntryOf(address), out Span* its, out int slot);
                if (found != expected || its != span || (found && slot != within / (int)span->SlotSize))
                {
                    Assert.Fail($"size {size}, offset {within}: {found}, slot {slot}");
                }
            }
        }
    }

    [Fact]
    public void A_set_bit_is_cleared_once()
    {
        Span* span = MakeSpan(SizeClasses.Of(64));
        LiveBits.Set(span->Base + (70 * 64));
        Assert.True(LiveBits.IsSet(span, 70));
        Assert.False(LiveBits.IsSet(span, 69));
        Assert.False(LiveBits.IsSet(span, 71));
        Assert.True(LiveBits.TryClear(span, 70));
        Assert.False(LiveBits.TryClear(span, 70));
        Assert.False(LiveBits.IsSet(span, 70));
    }

    [Fact]
    public void Of_many_threads_that_clear_a_bit_one_succeeds()
    {
        Span* span = MakeSpan(SizeClasses.Of(8));
        for (int slot = 0; slot < span->Slots; slot++)
        {
            LiveBits.Set(span->Base + (slot * 8));
        }

        int cleared = 0;
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            for (int slot = 0; slot < span->Slots; slot++)
            {
                if (LiveBits.TryClear(span, slot))
                {
                    Interlocked.Increment(ref cleared);
                }
            }
        }))];
        Array.ForEach(threads, static thread => thread.Start());
        Array.ForEach(threads, static thread => thread.Join());
        Assert.Equal(span->Slots, cleared);
    }

    private Span* MakeSpan(uint sizeClass)
    {
        Span* span = _arena.MakeSpan(FirstPage, sizeClass);
        for (int page = 0; page < span->Pages; page++)
        {
            *ArenaHeader.EntryOf(_arena.Page(FirstPage + page)) = PageEntry.OfBlocks(PageEntry.FirstOwner << PageEntry.OwnerShift, page, sizeClass);
        }

        return span;
    }
}
