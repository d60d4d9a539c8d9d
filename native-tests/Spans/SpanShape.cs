using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Spans;

/// <summary>Where the span of a block begins and where its last block ends.</summary>
internal readonly record struct SpanShape(nint Base, nint PastLast)
{
    public static unsafe SpanShape Of(nint block)
    {
        Span* span = ArenaHeader.SpanOf(block, *ArenaHeader.EntryOf(block));
        return new SpanShape(span->Base, span->Base + (span->Slots * (nint)span->SlotSize));
    }

    /// <summary>A size whose spans have bytes left over after their last block.</summary>
    public static nuint SizeWithTail()
    {
        uint sizeClass = 2;
        while (SizeClasses.Info(sizeClass).Pages * PageGeometry.PageSize == SizeClasses.Info(sizeClass).Slots * SizeClasses.Info(sizeClass).Size)
        {
            sizeClass++;
        }

        Assert.True(sizeClass <= (uint)SizeClasses.LastShared);
        return SizeClasses.Info(sizeClass).Size;
    }
}
