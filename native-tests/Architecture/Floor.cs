namespace SpanHeap.Tests.Architecture;

/// <summary>A floor of the house: a folder of <c>src/SpanHeap</c> with all that lies below it, unless that is a floor of its own.</summary>
/// <param name="Folder">The folder, relative to <c>src/SpanHeap</c>; empty for the files that lie there themselves.</param>
/// <param name="Holds">What it holds, in a few words.</param>
internal sealed record Floor(string Folder, string Holds)
{
    public string Name => Folder.Length == 0 ? "SpanHeap" : Folder;
}
