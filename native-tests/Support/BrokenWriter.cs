namespace SpanHeap.Tests.Support;

/// <summary>An error stream to which no line can be written.</summary>
internal sealed class BrokenWriter(Exception failure) : StringWriter
{
    /// <summary>How many lines it was asked to write.</summary>
    public int Asked { get; private set; }

    public override void WriteLine(string? value)
    {
        Asked++;
        throw failure;
    }
}
