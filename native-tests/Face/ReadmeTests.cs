using System.Text.RegularExpressions;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Face;

/// <summary>The README says nothing that does not compile, and names every option and variable.</summary>
public sealed partial class ReadmeTests
{
    private static readonly string s_readme = Resource("README.md");

    [Fact]
    public void Every_example_stands_in_the_tests_to_the_letter()
    {
        string examples = Normalize(Resource("ReadmeExamples.cs"));
        string[] blocks = [.. CodeBlock().Matches(s_readme).Select(match => match.Groups[1].Value)];
        Assert.Equal(6, blocks.Length);
        foreach (string block in blocks)
        {
            string code = block.Replace("using NativeMemory = SpanHeap.SpanMemory;", "", StringComparison.Ordinal);
            Assert.Contains(Normalize(code), examples, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_option_and_its_variable_is_in_the_table()
    {
        IEnumerable<string> options = typeof(TracedHeapOptions).GetProperties().Select(property => property.Name).Except([nameof(NativeHeapOptions.Guard)]);
        IEnumerable<string> guards = typeof(GuardOptions).GetProperties().Select(property => $"{nameof(NativeHeapOptions.Guard)}.{property.Name}");
        foreach (string option in options.Concat(guards))
        {
            Assert.Contains($"| `{option}` |", s_readme, StringComparison.Ordinal);
        }

        List<string> asked = [];
        NativeHeapOptions.FromEnvironment(variable =>
        {
            asked.Add(variable);
            return null;
        });
        new TracedHeapOptions().WithEnvironment(variable =>
        {
            asked.Add(variable);
            return null;
        });
        Assert.All(asked, variable => Assert.Contains($"`{variable}`", s_readme, StringComparison.Ordinal));
    }

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    // White space aside, which the test's own indentation changes.
    private static string Normalize(string code) => string.Join(' ', code.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static string Resource(string name)
    {
        using Stream stream = typeof(ReadmeTests).Assembly.GetManifestResourceStream(name)!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
