using SpanHeap.Spans;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Spans;

public sealed unsafe class AllocBitsTests(ITestOutputHelper output) : IDisposable
{
    private readonly FakeArena _arena = new();

    public void Dispose() => _arena.Dispose();

    [Fact]
    public void A_fresh_span_has_all_its_slots_and_none_after_the_last()
    {
        ulong* bits = stackalloc ulong[20];
        for (int slots = 1; slots <= 1024; slots++)
        {
            new Span<ulong>(bits, 20).Fill(0x5555_5555_5555_5555);
            AllocBits.Initialize(bits, slots);
            for (int slot = 0; slot < AllocBits.WordsFor(slots) * 64; slot++)
            {
                Assert.Equal(slot >= slots, AllocBits.IsSet(bits, slot));
            }

            Assert.Equal(0x5555_5555_5555_5555ul, bits[AllocBits.WordsFor(slots)]);
        }
    }

    [Fact]
    public void Take_agrees_with_a_model_for_every_class()
    {
        int seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        Random random = new(seed);
        for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.LastShared; sizeClass++)
        {
            Span* span = _arena.MakeSpan(512, sizeClass);
            RunModel(random, span);
        }
    }

    [Fact]
    public void All_slots_can_be_taken_at_once()
    {
        Span* span = _arena.MakeSpan(512, 1);
        int slots = span->Slots;
        var taken = new nint[slots];
        fixed (nint* first = taken)
        {
            AllocBits.Take(span, slots, first + slots);
        }

        Assert.Equal(Enumerable.Range(0, slots).Reverse().Select(slot => span->Base + ((nint)slot * 8)), taken);
        Assert.Equal(0, span->FreeSlots);
        Assert.Equal(0, AllocBits.CountAvailable(span));
    }

    [Fact]
    public void Spans_that_are_neighbours_share_no_bits()
    {
        SizeClassInfo info = SizeClasses.Info(1);
        Span* first = _arena.MakeSpan(512, 1);
        Span* second = _arena.MakeSpan(512 + info.Pages, 1);
        var taken = new nint[info.Slots];
        fixed (nint* place = taken)
        {
            AllocBits.Take(first, info.Slots, place + info.Slots);
        }

        Assert.Equal(info.Slots, AllocBits.CountAvailable(second));
        Assert.True((nint)(ArenaHeader.AllocBits(first) + AllocBits.WordsFor(info.Slots)) <= (nint)ArenaHeader.AllocBits(second));
    }

    private static void RunModel(Random random, Span* span)
    {
        SortedSet<int> available = [.. Enumerable.Range(0, span->Slots)];
        var buffer = new nint[span->Slots];
        ulong* bits = ArenaHeader.AllocBits(span);
        for (int round = 0; round < 60; round++)
        {
            if (available.Count > 0)
            {
                int count = random.Next(1, available.Count + 1);
                fixed (nint* place = buffer)
                {
                    AllocBits.Take(span, count, place + count);
                }

                int[] expected = [.. available.Take(count).Reverse()];
                Assert.Equal(expected.Select(slot => span->Base + (slot * (nint)span->SlotSize)), buffer[..count]);
                available.ExceptWith(expected);
            }

            for (int slot = 0; slot < span->Slots; slot++)
            {
                // What a return does.
                if (!available.Contains(slot) && random.Next(3) == 0)
                {
                    available.Add(slot);
                    bits[slot / 64] &= ~(1UL << (slot % 64));
                    span->FreeSlots++;
                }
            }

            Assert.Equal(available.Count, span->FreeSlots);
            Assert.Equal(available.Count, AllocBits.CountAvailable(span));
        }
    }
}
