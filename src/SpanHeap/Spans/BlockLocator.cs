using System.Runtime.CompilerServices;
using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>
/// Where a block's metadata lies, worked out step by step from its address for code that handles many blocks in a row: one subtraction
/// gives the arena, and everything else is a shift and an addition away.
/// </summary>
/// <param name="block">An address in an arena.</param>
[method: MethodImpl(MethodImplOptions.AggressiveInlining)]
internal unsafe ref struct BlockLocator(nint block)
{
    private readonly nuint _inArena = (nuint)block & (nuint)(PageGeometry.ArenaSize - 1);
    private nuint _firstPage;

    /// <summary>The entry of the block's page.</summary>
    public readonly uint Entry
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ((uint*)Arena)[_inArena >> PageGeometry.PageShift];
    }

    /// <summary>The span. After <see cref="Resolve"/>.</summary>
    public readonly Span* Span
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ArenaHeader.SpanOfPage(Arena, _firstPage);
    }

    /// <summary>Bytes from the span's start to the block. After <see cref="Resolve"/>.</summary>
    public readonly ulong Within
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _inArena - (_firstPage << PageGeometry.PageShift);
    }

    private readonly nint Arena
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => block - (nint)_inArena;
    }

    /// <summary>Goes on with an entry known to be of blocks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Resolve(uint entry) => _firstPage = (_inArena >> PageGeometry.PageShift) - PageEntry.PageWithinSpan(entry);
}
