using System.Runtime.CompilerServices;

namespace SpanHeap.Tests.Architecture;

/// <summary>References in the library go down only.</summary>
public sealed class LayerTests
{
    private static readonly Lazy<Dictionary<string, string>> s_files = new(static () => SourceGraph.Read(Path.Combine(Root(), "src", "SpanHeap")));
    private static readonly Lazy<List<Reference>> s_references = new(static () => SourceGraph.References(s_files.Value));

    [Fact]
    public void Each_file_lies_on_a_floor() => Assert.All(s_files.Value.Keys, static file => Assert.True(Floors.Of(file) >= 0, $"{file} is in a folder that Floors does not know."));

    [Fact]
    public void Each_floor_has_files() => Assert.Equal(Enumerable.Range(0, Floors.All.Count), s_files.Value.Keys.Select(Floors.Of).Distinct().Order());

    [Fact]
    public void No_reference_runs_up()
    {
        string[] upward = [.. Upward(s_references.Value).Select(static one => one.ToString()).Distinct()];
        Assert.True(upward.Length == 0, $"{upward.Length} references run up:\n{string.Join('\n', upward)}");
    }

    [Theory]
    [InlineData("Spans/Mutant.cs", "using SpanHeap.Heap; namespace SpanHeap.Spans;")]
    [InlineData("Os/Mutant.cs", "namespace SpanHeap.Os; internal static class Mutant { public static object Make() => new NativeHeap(); }")]
    [InlineData("Contract/Mutant.cs", "namespace SpanHeap.Contract; internal static class Mutant { public const int PageShift = SpanHeap.Pages.PageGeometry.PageShift; }")]
    [InlineData("Mutant.cs", "using SpanHeap.Traced; namespace SpanHeap; internal static class Mutant { public static string NameOf(TracedHeap heap) => heap.Name; }")]
    public void A_reference_that_runs_up_is_found(string file, string text)
    {
        Dictionary<string, string> files = new(s_files.Value) { [file] = text };

        Assert.Contains(Upward(SourceGraph.References(files)), one => one.From == file);
    }

    [Fact]
    public void No_circle_of_files_is_large()
    {
        IReadOnlyCollection<string> circle = SourceGraph.LargestCircle(s_references.Value);

        Assert.True(circle.Count <= MostFilesInCircle, $"{circle.Count} files refer to each other in a circle: {string.Join(", ", circle.Order())}");
    }

    [Fact]
    public void The_architecture_page_draws_these_floors()
    {
        string page = File.ReadAllText(Path.Combine(Root(), "ARCHITECTURE.md")).ReplaceLineEndings("\n");

        Assert.True(page.Contains(Floors.Drawn, StringComparison.Ordinal), $"ARCHITECTURE.md draws other floors than these:\n{Floors.Drawn}");
    }

    // What refers to each other is read together: so much can be.
    private const int MostFilesInCircle = 8;

    private static IEnumerable<Reference> Upward(IEnumerable<Reference> references) => references.Where(static one => Floors.Of(one.To) > Floors.Of(one.From));

    private static string Root([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", ".."));
}
