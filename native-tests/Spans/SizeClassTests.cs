using System.Numerics;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Spans;

/// <summary>The invariants of the size classes, tried for every size.</summary>
public sealed class SizeClassTests
{
    private static readonly List<SizeClass> s_classes = [.. SizeClassGenerator.Generate()];

    [Fact]
    public void Classes_fit_the_tables_that_are_indexed_by_them()
    {
        Assert.True(s_classes.Count < SizeClasses.Capacity);
        Assert.InRange(SpanSource.GuardedRuns, SizeClasses.Capacity, RunCount.Kinds - 1);
        Assert.Equal(s_classes.Count, SizeClasses.Last);
        Assert.Equal(SizeClasses.LastShared, s_classes.Count(static c => c.Size <= SizeClasses.MaxSharedSize));
        Assert.True(SizeClasses.Last <= byte.MaxValue);
    }

    [Fact]
    public void The_table_has_what_was_generated()
    {
        for (int i = 0; i < s_classes.Count; i++)
        {
            ref readonly SizeClassInfo info = ref SizeClasses.Info((uint)i + 1);
            Assert.Equal(s_classes[i], new SizeClass((int)info.Size, info.Pages, info.Slots));
        }
    }

    [Fact]
    public void Sizes_are_8_and_then_ascending_multiples_of_16()
    {
        Assert.Equal(8, s_classes[0].Size);
        for (int i = 1; i < s_classes.Count; i++)
        {
            Assert.True(s_classes[i].Size > s_classes[i - 1].Size);
            Assert.Equal(0, s_classes[i].Size % 16);
        }
    }

    [Fact]
    public void The_largest_shared_size_and_the_largest_size_end_a_class()
    {
        Assert.Contains(s_classes, static c => c.Size == SizeClasses.MaxSharedSize);
        Assert.Equal(SizeClasses.MaxClassSize, s_classes[^1].Size);
    }

    [Fact]
    public void Spans_of_several_blocks_have_a_page_number_that_its_entry_can_hold() =>
        Assert.All(s_classes.Where(static c => c.Slots > 1), static c => Assert.InRange(c.Pages, 1, SizeClassGenerator.MaxPagesOfSlots));

    [Fact]
    public void Shared_classes_have_several_blocks_and_others_one()
    {
        Assert.All(s_classes, static c => Assert.Equal(c.Size <= SizeClasses.MaxSharedSize, c.Slots > 1));
        Assert.All(s_classes.Where(static c => c.Slots == 1), static c => Assert.Equal(c.Pages * PageGeometry.PageSize, c.Size));
    }

    [Fact]
    public void The_blocks_of_a_span_fit_in_it_and_leave_an_eighth_at_most_after_them() =>
        Assert.All(s_classes, static c =>
        {
            int bytes = c.Pages * PageGeometry.PageSize;
            Assert.InRange(c.Slots * c.Size, 1, bytes);
            Assert.True((bytes - (c.Slots * c.Size)) * 8 <= bytes);
        });

    [Fact]
    public void Every_size_gets_the_smallest_class_that_holds_it()
    {
        int expected = 0;
        for (int size = 0; size <= SizeClasses.MaxClassSize; size++)
        {
            expected += size > s_classes[expected].Size ? 1 : 0;
            if (SizeClasses.Of((nuint)size) != expected + 1)
            {
                Assert.Fail($"size {size} got class {SizeClasses.Of((nuint)size)}, not {expected + 1}");
            }

            if (size <= SizeClasses.MaxSharedSize)
            {
                Assert.Equal((uint)expected + 1, SizeClasses.OfShared((nuint)size));
            }
        }
    }

    [Fact]
    public void Rounding_a_size_of_128_or_more_wastes_an_eighth_at_most()
    {
        for (int size = 128; size <= SizeClasses.MaxSharedSize; size++)
        {
            int waste = (int)SizeClasses.Info(SizeClasses.Of((nuint)size)).Size - size;
            if (waste * 8 > size)
            {
                Assert.Fail($"size {size} wastes {waste} bytes");
            }
        }
    }

    [Fact]
    public void Rounding_a_large_size_wastes_less_than_a_page_or_an_eighth()
    {
        for (int size = SizeClasses.MaxSharedSize + 1; size <= SizeClasses.MaxClassSize; size += 61)
        {
            int waste = (int)SizeClasses.Info(SizeClasses.Of((nuint)size)).Size - size;
            if (waste * 8 > size && waste >= PageGeometry.PageSize)
            {
                Assert.Fail($"size {size} wastes {waste} bytes");
            }
        }
    }

    [Fact]
    public void Reciprocals_are_exact_for_every_offset_of_every_span()
    {
        for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.LastShared; sizeClass++)
        {
            ref readonly SizeClassInfo info = ref SizeClasses.Info(sizeClass);
            for (uint within = 0; within < info.Pages * PageGeometry.PageSize; within++)
            {
                ulong product = (ulong)within * info.Reciprocal;
                bool first = (uint)product < info.Reciprocal;
                if (product >> 32 != within / info.Size || first != (within % info.Size == 0))
                {
                    Assert.Fail($"class {sizeClass} of {info.Size} bytes is wrong at offset {within}");
                }
            }
        }
    }

    [Fact]
    public void Offset_0_alone_is_a_block_in_a_span_of_one_block()
    {
        for (uint sizeClass = (uint)SizeClasses.LastShared + 1; sizeClass <= (uint)SizeClasses.Last; sizeClass++)
        {
            Assert.Equal(1u, SizeClasses.Info(sizeClass).Reciprocal);
        }

        Assert.Equal(1u, SizeClasses.Info(SizeClasses.None).Reciprocal);
    }

    [Fact]
    public void Stacks_hold_no_more_than_a_magazine()
    {
        for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.Last; sizeClass++)
        {
            Assert.InRange(SizeClasses.Info(sizeClass).MaxParked, 1, SpanHeap.Caches.Magazine.Capacity);
        }
    }

    [Fact]
    public void An_aligned_size_gets_the_smallest_class_that_is_a_multiple_of_the_alignment()
    {
        for (nuint alignment = 1; alignment <= SizeClasses.MaxClassAlignment; alignment *= 2)
        {
            for (int size = 0; size <= SizeClasses.MaxSharedSize; size++)
            {
                int expected = s_classes.FindIndex(c => c.Size >= Math.Max(size, 1) && c.Size % (int)alignment == 0) + 1;
                bool found = SizeClasses.TryOfSharedAligned((nuint)size, alignment, out uint fast);
                if (SizeClasses.OfAligned((nuint)size, alignment) != expected || found != expected <= SizeClasses.LastShared || (found && fast != expected))
                {
                    Assert.Fail($"size {size}, alignment {alignment}: {SizeClasses.OfAligned((nuint)size, alignment)} and {fast}, not {expected}");
                }

                // Neighbours between two steps have the same answer; every size near a step is tried.
                size += size % 16 == 1 && size > 1024 ? 14 : 0;
            }
        }
    }

    [Fact]
    public void Large_aligned_sizes_get_a_class_up_to_a_page_of_alignment()
    {
        for (nuint alignment = 1; alignment <= SizeClasses.MaxClassAlignment; alignment *= 2)
        {
            for (nuint size = SizeClasses.MaxSharedSize + 1; size <= SizeClasses.MaxClassSize; size += 4093)
            {
                Assert.Equal(SizeClasses.Of(size), SizeClasses.OfAligned(size, alignment));
            }
        }
    }

    [Fact]
    public void Wider_alignments_and_larger_sizes_have_no_class()
    {
        Assert.Equal((uint)SizeClasses.None, SizeClasses.OfAligned(1, SizeClasses.MaxClassAlignment * 2));
        Assert.Equal((uint)SizeClasses.None, SizeClasses.OfAligned(SizeClasses.MaxClassSize + 1, 16));
        Assert.False(SizeClasses.TryOfSharedAligned(1, SizeClasses.MaxClassAlignment * 2, out _));
        Assert.False(SizeClasses.TryOfSharedAligned(SizeClasses.MaxSharedSize + 1, 1, out _));
    }

    [Fact]
    public void Every_block_of_a_class_has_the_alignment_of_its_size()
    {
        foreach (SizeClass c in s_classes)
        {
            int alignment = Math.Min(1 << BitOperations.TrailingZeroCount(c.Size), PageGeometry.PageSize);
            for (int slot = 0; slot < c.Slots; slot++)
            {
                Assert.Equal(0, slot * c.Size % alignment);
            }
        }
    }
}
