using System.Numerics;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Blocks;

/// <summary>A request for a block, and the kind of block that serves it.</summary>
internal ref struct BlockRequest
{
    /// <summary>The alignment for callers that ask for none.</summary>
    public const nuint NoAlignment = 1;

    /// <summary>The alignment in bytes that blocks of more than 8 bytes have anyway.</summary>
    public const nuint MinAlignment = 16;

    /// <param name="byteCount">The minimum size of the slot in bytes.</param>
    /// <param name="alignment">A power of two.</param>
    /// <param name="geometry">Determines what fits into an arena.</param>
    public BlockRequest(nuint byteCount, nuint alignment, PageGeometry geometry)
    {
        Invariant.Assert(BitOperations.IsPow2(alignment), "An alignment is a power of two.");
        ByteCount = byteCount;
        Alignment = alignment;
        SizeClass = ClassFor(byteCount, alignment);
        if (!SizeClasses.IsOwnSpan(SizeClass))
        {
            Kind = BlockKind.Small;
            Pages = (nuint)SizeClasses.Info(SizeClass).Pages;
            return;
        }

        Pages = SizeClass != SizeClasses.None ? (nuint)SizeClasses.Info(SizeClass).Pages : PageGeometry.PagesFor(Math.Max(byteCount, 1));
        Kind = geometry.Fits(Pages, PageAlignment) ? BlockKind.Large : BlockKind.Huge;
    }

    public nuint ByteCount { get; }

    public nuint Alignment { get; }

    /// <summary>The class of the block; <see cref="SizeClasses.None"/> for a block of whole pages or one from the platform.</summary>
    public uint SizeClass { get; }

    public BlockKind Kind { get; }

    /// <summary>The number of pages of the span that the block is or comes from.</summary>
    public nuint Pages { get; }

    /// <summary>The number of bytes that a new block for the request has for the program, if the heap adds nothing to blocks.</summary>
    public readonly nuint UsableBytes =>
        SizeClass != SizeClasses.None ? SizeClasses.Info(SizeClass).Size
        : Kind == BlockKind.Large ? Pages << PageGeometry.PageShift
        : Math.Max(ByteCount, 1);

    /// <summary>The number of pages that should be free after a large block, because it is expected to grow.</summary>
    public int Room { get; set; }

    /// <summary>Whether the thread's kept large blocks have been tried in vain.</summary>
    public bool WasKeptAsked { get; set; }

    /// <summary>Whether the caller wants the block zeroed.</summary>
    public bool Zeroed { get; init; }

    /// <summary>Whether the block that was obtained has old contents.</summary>
    public bool NeedsZero { get; set; }

    /// <summary>Whether it was the heap's limit that refused the request. Meaningful after a refusal.</summary>
    public bool IsAtLimit { get; set; }

    /// <summary>The number of pages that a large block's address must be a multiple of.</summary>
    public readonly nuint PageAlignment => Math.Max(1, Alignment >> PageGeometry.PageShift);

    private static uint ClassFor(nuint byteCount, nuint alignment)
    {
        if (byteCount > SizeClasses.MaxClassSize)
        {
            return SizeClasses.None;
        }

        return alignment <= MinAlignment && (byteCount > 8 || alignment <= 8) ? SizeClasses.Of(byteCount) : SizeClasses.OfAligned(byteCount, alignment);
    }
}
