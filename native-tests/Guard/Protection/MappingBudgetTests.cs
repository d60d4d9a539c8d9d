using System.Runtime.InteropServices;
using SpanHeap.Guard.Protection;
using SpanHeap.Os;

namespace SpanHeap.Tests.Guard.Protection;

/// <summary>The mappings that guards may split are the process's, not a heap's.</summary>
public sealed unsafe class MappingBudgetTests
{
    [Fact]
    public void What_one_takes_another_has_not_until_it_is_given_back()
    {
        MappingBudget budget = new(limit: 2);
        Assert.True(budget.TryTake() && budget.TryTake());
        Assert.False(budget.TryTake());
        budget.Give(1);
        Assert.True(budget.TryTake());
        Assert.False(budget.TryTake());
    }

    [Fact]
    public void Freed_blocks_have_too_many_when_they_take_their_share_or_little_is_left_to_all()
    {
        MappingBudget budget = new(limit: 64);
        PageProtection protection = Unmarked(budget);
        nuint page = OsMemory.PageSize;
        byte* pages = (byte*)NativeMemory.AlignedAlloc(page, page);

        // Those that split no mapping are no matter of the budget's.
        Assert.False(protection.IsTooMuch(1000));
        Assert.Equal(ProtectionForm.Mapping, protection.Protect((nint)pages, page));
        Assert.Equal((false, true), (protection.IsTooMuch(16), protection.IsTooMuch(17)));
        for (int i = 0; i < 48; i++)
        {
            Assert.True(budget.TryTake());
        }

        Assert.Equal((false, true), (protection.IsTooMuch(2), protection.IsTooMuch(3)));
        Assert.True(protection.TryUnprotect((nint)pages, page, ProtectionForm.Mapping, ranges: 1));
        NativeMemory.AlignedFree(pages);
    }

    [Fact]
    public void Heaps_that_split_mappings_share_them_and_one_that_goes_gives_its_back()
    {
        nuint page = OsMemory.PageSize;
        byte* pages = (byte*)NativeMemory.AlignedAlloc(8 * page, page);
        MappingBudget budget = new(limit: 3);
        PageProtection first = Unmarked(budget);
        PageProtection second = Unmarked(budget);
        Assert.Equal(ProtectionForm.Mapping, first.Protect((nint)pages, page));
        Assert.Equal(ProtectionForm.Mapping, first.Protect((nint)(pages + (2 * page)), page));
        Assert.Equal(ProtectionForm.Mapping, second.Protect((nint)(pages + (4 * page)), page));
        Assert.Equal(ProtectionForm.None, second.Protect((nint)(pages + (6 * page)), page));

        Assert.True(new OsMemory().Unfault((nint)pages, 3 * page));
        first.Close();
        Assert.Equal(0, first.Mappings);
        Assert.Equal(ProtectionForm.Mapping, second.Protect((nint)(pages + (6 * page)), page));
        Assert.True(second.TryUnprotect((nint)(pages + (4 * page)), page, ProtectionForm.Mapping, ranges: 1));
        Assert.True(second.TryUnprotect((nint)(pages + (6 * page)), page, ProtectionForm.Mapping, ranges: 1));
        Assert.Equal(0, second.Mappings);
        NativeMemory.AlignedFree(pages);
    }

    private static PageProtection Unmarked(MappingBudget budget)
    {
        OsMemory os = new();
        os.FailAll(OsCall.InstallGuard);
        return new PageProtection(os, budget);
    }
}
