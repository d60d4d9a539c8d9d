using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>
/// Defines the four bytes that say which owner a page has: owner (16 bits), page within the span (4), class (12, the low five of them 0).
/// </summary>
/// <remarks>
/// The class stands there as the distance of its stack from the first, in bytes: a free needs no shift to find it. 0 is a page with no
/// block in it. Pages of a one-block span after its first have an owner number that no cache ever has, and their
/// distance from the first in the 13 bits below: so one comparison on the fast path distinguishes "a block of mine" from everything else.
/// <para>Written only by a thread that holds the lock of the span's owner, or has made the span and not published it yet: by volatile
/// writes, or all entries of a span at once when it is released. Any thread may read it at any time.</para>
/// </remarks>
internal static class PageEntry
{
    public const uint Unused = 0;

    /// <summary>An owner's tag is its number shifted by this.</summary>
    public const int OwnerShift = 16;

    /// <summary>Entries of one owner: its tag plus anything up to this.</summary>
    public const uint OwnerMask = (1u << OwnerShift) - 1;

    /// <summary>The first number that a cache may have; those below are marks.</summary>
    public const uint FirstOwner = 5;

    public const uint LastOwner = (1u << (32 - OwnerShift)) - 1;

    /// <summary>The part of an entry that differs between the pages of a span.</summary>
    public const uint PageWithinSpanBits = PageWithinSpanMask << PageWithinSpanShift;

    /// <summary>Log2 of the bytes of a stack.</summary>
    public const int StackShift = 5;

    /// <summary>The tag of no cache. It is in no entry, so that a cache that has it owns no page, not even an unused one.</summary>
    public const uint NobodysTag = 1u << OwnerShift;

    /// <summary>The tag of pages of traced blocks: of no cache, so that no caller frees one by hand.</summary>
    public const uint TracedTag = 3u << OwnerShift;

    /// <summary>The tag of pages of guarded blocks: of no cache, so that every call about one comes to a slow path.</summary>
    public const uint GuardedTag = 4u << OwnerShift;

    /// <summary>The last span class of traced blocks that an entry can name.</summary>
    public const uint LastSpanClass = StackOffsetMask;

    private const int PageWithinSpanShift = 12;
    private const uint PageWithinSpanMask = 15;
    private const uint StackOffsetMask = (1u << PageWithinSpanShift) - 1;

    private const uint InsideTag = 2u << OwnerShift;
    private const uint InsideCount = PageGeometry.MaxPagesPerArena;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint OfBlocks(uint ownerTag, int pageWithinSpan, uint sizeClass)
    {
        Invariant.Assert(IsOfBlocks(ownerTag) && (ownerTag & OwnerMask) == 0, "An owner's tag is its number, and no mark.");
        Invariant.Assert((uint)pageWithinSpan <= PageWithinSpanMask && sizeClass << StackShift <= StackOffsetMask, "An entry has room for the page and the class.");
        return ownerTag | ((uint)pageWithinSpan << PageWithinSpanShift) | (sizeClass << StackShift);
    }

    public static uint OfTraced(int pageWithinSpan, uint spanClass)
    {
        Invariant.Assert((uint)pageWithinSpan <= PageWithinSpanMask && spanClass <= LastSpanClass, "An entry has room for the page and the span class.");
        return TracedTag | ((uint)pageWithinSpan << PageWithinSpanShift) | spanClass;
    }

    /// <summary>
    /// Whether what was read of a page later still is of the span of blocks that it was of before: of a span that lives the owner changes and
    /// nothing else.
    /// </summary>
    public static bool IsSameSpan(uint later, uint before) => IsOfBlocks(later) && ((later ^ before) & OwnerMask) == 0;

    /// <summary>Whether the page is of a cache's span with blocks, and the first one if that is a single block's.</summary>
    public static bool IsOfBlocks(uint entry) => entry >= FirstOwner << OwnerShift;

    /// <summary>Whether the page has traced blocks, or the first page of one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsTraced(uint entry) => entry - TracedTag <= OwnerMask;

    /// <summary>The span class in an entry of traced blocks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint SpanClass(uint entry) => entry & StackOffsetMask;

    /// <summary>Of any page of a guarded block's span: the block may begin on any.</summary>
    public static uint OfGuarded(int pagesFromFirst)
    {
        Invariant.Assert((uint)pagesFromFirst <= OwnerMask, "An entry has room for the page.");
        return GuardedTag | (uint)pagesFromFirst;
    }

    /// <summary>Whether the page is of a guarded block, or of the guard beside it.</summary>
    public static bool IsGuarded(uint entry) => entry - GuardedTag <= OwnerMask;

    /// <summary>How many pages before one of a guarded span it begins.</summary>
    public static uint PagesFromFirstOfGuarded(uint entry) => entry & OwnerMask;

    public static uint OfInside(int pagesFromFirst)
    {
        Invariant.Assert((uint)pagesFromFirst <= OwnerMask, "An entry has room for the page.");
        return InsideTag | (uint)pagesFromFirst;
    }

    public static bool IsInside(uint entry) => entry - InsideTag < InsideCount;

    /// <summary>How many pages before this one its span begins.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint PagesFromFirst(uint entry) =>
        IsInside(entry) ? entry - InsideTag : (entry >> PageWithinSpanShift) & PageWithinSpanMask;

    /// <summary>The same for an entry known to be of blocks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint PageWithinSpan(uint entry) => (entry >> PageWithinSpanShift) & PageWithinSpanMask;

    /// <summary>The class in an entry of blocks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint SizeClass(uint entry) => StackOffset(entry) >> StackShift;

    /// <summary>The class in an entry of blocks as the distance of its stack from the first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint StackOffset(uint entry) => entry & StackOffsetMask;
}
