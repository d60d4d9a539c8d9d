using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Guard.Faults;
using SpanHeap.Guard.Records;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Guard.Faults;

/// <summary>What the handler's machine code takes for granted.</summary>
public sealed unsafe class FaultLayoutTests
{
    [Fact]
    public void A_message_is_the_first_words_of_the_frame()
    {
        Assert.Equal(WatcherRequest.Size, Unsafe.SizeOf<WatcherRequest>());
        Assert.Equal(GuardRecord.Size, FaultFrame.Address * FaultFrame.WordSize);
        Assert.Equal(FaultFrame.Thread * FaultFrame.WordSize, (int)Marshal.OffsetOf<WatcherRequest>(nameof(WatcherRequest.Thread)));
    }

    [Fact]
    public void The_words_of_a_record_are_where_the_frame_says()
    {
        Assert.Equal(FaultFrame.Block * FaultFrame.WordSize, (int)Marshal.OffsetOf<GuardRecord>(nameof(GuardRecord.Address)));
        Assert.Equal(FaultFrame.ByteCount * FaultFrame.WordSize, (int)Marshal.OffsetOf<GuardRecord>(nameof(GuardRecord.ByteCount)));
        Assert.Equal(FaultFrame.Sequence * FaultFrame.WordSize, (int)Marshal.OffsetOf<GuardRecord>(nameof(GuardRecord.Sequence)));
    }

    [Fact]
    public void A_huge_guarded_span_has_its_record_and_its_pages_where_the_code_looks()
    {
        Assert.Equal(0, (int)Marshal.OffsetOf<HugeGuard>(nameof(HugeGuard.Guarded)));
        Assert.Equal(GuardedSpan.RecordOffset, (int)Marshal.OffsetOf<GuardedSpan>(nameof(GuardedSpan.Record)));
        Assert.Equal(GuardRecord.SpanBaseOffset, (int)Marshal.OffsetOf<GuardRecord>(nameof(GuardRecord.SpanBase)));
        Assert.Equal(Span.PagesOffset, (int)Marshal.OffsetOf<Span>(nameof(Span.Pages)));
        Assert.InRange(Unsafe.SizeOf<GuardedSpan>(), 0, (int)Marshal.OffsetOf<HugeGuard>(nameof(HugeGuard.Platform)));
    }

    [Fact]
    public void Every_line_fits_the_frame() => Assert.InRange(FaultText.LongestLine, 100, FaultFrame.LineBytes);
}
