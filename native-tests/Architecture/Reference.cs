namespace SpanHeap.Tests.Architecture;

/// <summary>A file's code names something that another file declares, or a namespace whose files lie elsewhere.</summary>
/// <param name="From">The file that refers, relative to <c>src/SpanHeap</c>.</param>
/// <param name="Line">The line, counted from 1.</param>
/// <param name="To">The file that is referred to.</param>
/// <param name="Name">What is named.</param>
internal sealed record Reference(string From, int Line, string To, string Name)
{
    public override string ToString() => $"{From}:{Line} names {Name} of {To}";
}
