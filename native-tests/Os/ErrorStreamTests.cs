using SpanHeap.Os;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Os;

/// <summary>What cannot be written to the error stream costs a thread no more than the line. In processes of their own, which own the error stream.</summary>
public sealed class ErrorStreamTests
{
    [Fact]
    public void A_line_arrives()
    {
        ChildProgram.Result child = ChildProgram.Run(Tell);
        Assert.True(child.ExitCode == 0 && child.Error.Contains("told", StringComparison.Ordinal), child.Output + child.Error);
    }

    [Fact]
    public void Whatever_a_writer_throws_costs_the_line_alone()
    {
        ChildProgram.Result child = ChildProgram.Run(TellBrokenWriters);
        Assert.True(child.ExitCode == 0 && child.Output.Contains("asked 3 times", StringComparison.Ordinal), child.Output + child.Error);
    }

    [Fact]
    public void An_interrupt_that_comes_while_it_writes_is_kept_for_the_next_wait()
    {
        ChildProgram.Result child = ChildProgram.Run(TellInterrupted);
        Assert.True(child.ExitCode == 0 && child.Output.Contains("then interrupted", StringComparison.Ordinal), child.Output + child.Error);
    }

    private static void Tell() => ErrorStream.WriteLine("told");

    private static void TellBrokenWriters()
    {
        int asked = 0;
        foreach (Exception failure in (Exception[])[new IOException("broken pipe"), new ObjectDisposedException("stream"), new InvalidOperationException("the program's own")])
        {
            using BrokenWriter writer = new(failure);
            Console.SetError(writer);
            ErrorStream.WriteLine("lost");
            asked += writer.Asked;
        }

        Console.WriteLine($"asked {asked} times");
    }

    private static void TellInterrupted()
    {
        using BrokenWriter writer = new(new ThreadInterruptedException());
        Console.SetError(writer);
        ErrorStream.WriteLine("lost");
        try
        {
            Thread.Sleep(1);
        }
        catch (ThreadInterruptedException)
        {
            Console.WriteLine("then interrupted");
        }
    }
}
