using SpanHeap.Os;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Os;

public sealed unsafe class PipeTests
{
    [LinuxFact]
    public void What_is_written_can_be_read()
    {
        Assert.True(Pipe.TryMake(out int reader, out int writer));
        long sent = 0x1122334455667788;
        long received = 0;

        Assert.Equal(sizeof(long), Pipe.Write(writer, (byte*)&sent, sizeof(long)));
        Assert.Equal(sizeof(long), Pipe.Read(reader, (byte*)&received, sizeof(long)));
        Assert.Equal(sent, received);
    }

    [LinuxFact]
    public void An_end_that_does_not_block_has_nothing_instead_of_waiting()
    {
        Assert.True(Pipe.TryMake(out int reader, out _));
        Pipe.SetNonBlocking(reader);
        byte received;

        Assert.Equal(-1, Pipe.Read(reader, &received, 1));
    }

    [LinuxFact]
    public void No_descriptor_is_an_error_and_no_interruption()
    {
        byte none = 0;

        Assert.Equal(-1, Pipe.Read(Pipe.None, &none, 1));
        Assert.False(Pipe.WasInterrupted());
    }
}
