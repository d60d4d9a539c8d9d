namespace SpanHeap.Tests.Architecture;

/// <summary>How long a method or type is.</summary>
/// <param name="Name">Its name, with that of the type or namespace around it.</param>
/// <param name="Lines">Lines from its signature to its closing brace, both included.</param>
internal sealed record SourceSize(string Name, int Lines)
{
    public override string ToString() => $"{Name}: {Lines}";
}
