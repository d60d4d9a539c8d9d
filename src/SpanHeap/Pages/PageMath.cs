using System.Numerics;
using System.Runtime.CompilerServices;
using SpanHeap.Os;

namespace SpanHeap.Pages;

/// <summary>Converts between pages, bytes and addresses.</summary>
internal static class PageMath
{
    /// <summary>Computes the number of bytes in a number of pages.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nuint BytesOf(int pages) => (nuint)pages << PageGeometry.PageShift;

    /// <summary>Computes the number of whole pages in a number of bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int PagesIn(nuint bytes) => (int)(bytes >> PageGeometry.PageShift);

    /// <summary>Computes the address of a page, counted from the page at <paramref name="start"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint AddressOf(nint start, int page) => start + ((nint)page << PageGeometry.PageShift);

    /// <summary>Computes the number of the page that contains an address, counted from the page at <paramref name="start"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int PageOf(nint start, nint address) => (int)((address - start) >> PageGeometry.PageShift);

    /// <summary>Computes the lowest multiple of a power of two that is not below a value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int AlignUp(int value, int alignment)
    {
        Invariant.Assert(BitOperations.IsPow2(alignment), "An alignment is a power of two.");
        return (value + alignment - 1) & -alignment;
    }

    /// <inheritdoc cref="AlignUp(int, int)"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nuint AlignUp(nuint value, nuint alignment)
    {
        Invariant.Assert(BitOperations.IsPow2(alignment), "An alignment is a power of two.");
        return (value + alignment - 1) & ~(alignment - 1);
    }

    /// <summary>Computes the lowest multiple of any positive unit that is not below a value.</summary>
    public static int RoundUp(int value, int unit) => (value + unit - 1) / unit * unit;

    /// <summary>Computes the highest multiple of any positive unit that is not above a value.</summary>
    public static int RoundDown(int value, int unit) => value / unit * unit;
}
