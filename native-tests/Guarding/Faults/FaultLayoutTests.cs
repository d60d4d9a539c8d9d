using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Guarding;
using SpanHeap.Guarding.Faults;

namespace SpanHeap.Tests.Guarding.Faults;

/// <summary>What the handler's machine code takes for granted.</summary>
public sealed unsafe class FaultLayoutTests
{
    [Fact]
    public void A_message_is_the_first_words_of_the_frame()
    {
        Assert.Equal(FaultMessage.Size, Unsafe.SizeOf<FaultMessage>());
        Assert.Equal(GuardRecord.Size, FaultFrame.Address * FaultFrame.WordSize);
        Assert.Equal(FaultFrame.Thread * FaultFrame.WordSize, (int)Marshal.OffsetOf<FaultMessage>(nameof(FaultMessage.Thread)));
    }

    [Fact]
    public void The_words_of_a_record_are_where_the_frame_says()
    {
        Assert.Equal(FaultFrame.Block * FaultFrame.WordSize, (int)Marshal.OffsetOf<GuardRecord>(nameof(GuardRecord.Address)));
        Assert.Equal(FaultFrame.ByteCount * FaultFrame.WordSize, (int)Marshal.OffsetOf<GuardRecord>(nameof(GuardRecord.ByteCount)));
        Assert.Equal(FaultFrame.Sequence * FaultFrame.WordSize, (int)Marshal.OffsetOf<GuardRecord>(nameof(GuardRecord.Sequence)));
    }

    [Fact]
    public void Every_line_fits_the_frame() => Assert.InRange(FaultText.LongestLine, 100, FaultFrame.LineBytes);
}
