using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Spans;

public sealed class PageEntryTests
{
    private static readonly uint[] s_owners =
        [PageEntry.FirstOwner, PageEntry.FirstOwner + 1, 7, 8, 255, 4096, 65_535, PageEntry.LastOwner - 1, PageEntry.LastOwner];

    [Fact]
    public void Entries_of_blocks_say_what_was_put_in_for_all_pages_and_classes()
    {
        foreach (uint owner in s_owners)
        {
            uint tag = owner << PageEntry.OwnerShift;
            for (int page = 0; page < SizeClassGenerator.MaxPagesOfSlots; page++)
            {
                for (uint sizeClass = 0; sizeClass < SizeClasses.Capacity; sizeClass++)
                {
                    uint entry = PageEntry.OfBlocks(tag, page, sizeClass);
                    Assert.Equal(sizeClass, PageEntry.SizeClass(entry));
                    Assert.Equal((uint)page, PageEntry.PageWithinSpan(entry));
                    Assert.Equal((uint)page, PageEntry.PagesFromFirst(entry));
                    Assert.False(PageEntry.IsInside(entry));
                    Assert.NotEqual(PageEntry.Unused, entry);
                    Assert.True(entry - tag <= PageEntry.OwnerMask);
                    Assert.Equal(tag, entry & ~PageEntry.OwnerMask);
                    Assert.Equal(PageEntry.OfBlocks(tag, 0, sizeClass), entry & ~PageEntry.PageWithinSpanBits);
                    Assert.Equal(sizeClass << PageEntry.StackShift, PageEntry.StackOffset(entry));
                }
            }
        }
    }

    [Fact]
    public void Entries_inside_say_their_distance_up_to_a_whole_arena()
    {
        for (int distance = 1; distance < PageGeometry.MaxPagesPerArena; distance++)
        {
            uint entry = PageEntry.OfInside(distance);
            Assert.True(PageEntry.IsInside(entry));
            Assert.Equal((uint)distance, PageEntry.PagesFromFirst(entry));
            Assert.NotEqual(PageEntry.Unused, entry);
        }
    }

    [Fact]
    public void No_owner_takes_an_entry_inside_or_an_unused_one_for_its_own()
    {
        foreach (uint owner in s_owners)
        {
            uint tag = owner << PageEntry.OwnerShift;
            Assert.True(PageEntry.Unused - tag > PageEntry.OwnerMask);
            for (int distance = 0; distance < PageGeometry.MaxPagesPerArena; distance++)
            {
                Assert.True(PageEntry.OfInside(distance) - tag > PageEntry.OwnerMask);
            }
        }
    }

    [Fact]
    public void No_owner_takes_a_neighbours_entry_for_its_own()
    {
        for (int i = 0; i < s_owners.Length; i++)
        {
            uint first = PageEntry.OfBlocks(s_owners[i] << PageEntry.OwnerShift, 0, 0);
            uint last = PageEntry.OfBlocks(s_owners[i] << PageEntry.OwnerShift, 15, SizeClasses.Capacity - 1);
            foreach (uint other in s_owners.Where(owner => owner != s_owners[i]))
            {
                Assert.True(first - (other << PageEntry.OwnerShift) > PageEntry.OwnerMask);
                Assert.True(last - (other << PageEntry.OwnerShift) > PageEntry.OwnerMask);
            }
        }
    }

    [Fact]
    public void An_unused_entry_is_not_inside() => Assert.False(PageEntry.IsInside(PageEntry.Unused));

    [Fact]
    public void A_span_of_blocks_is_the_same_whatever_its_owner_and_no_other_span_is()
    {
        const uint Page = 0x1007;
        uint before = (PageEntry.FirstOwner << PageEntry.OwnerShift) | Page;
        Assert.True(PageEntry.IsSameSpan(before, before));
        Assert.True(PageEntry.IsSameSpan((PageEntry.LastOwner << PageEntry.OwnerShift) | Page, before));
        Assert.False(PageEntry.IsSameSpan(before ^ 1, before));
        Assert.False(PageEntry.IsSameSpan(PageEntry.Unused, before));
        Assert.False(PageEntry.IsSameSpan(PageEntry.GuardedTag | Page, before));
        Assert.False(PageEntry.IsSameSpan(PageEntry.TracedTag | Page, before));
    }
}
