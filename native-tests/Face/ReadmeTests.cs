using System.Text.RegularExpressions;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Face;

/// <summary>The README is read in one go, and the guide to the options names every option and variable.</summary>
public sealed partial class ReadmeTests
{
    private static readonly string s_options = Resource("options.md");

    [Fact]
    public void It_has_at_most_150_lines() => Assert.InRange(Resource("README.md").TrimEnd().Split('\n').Length, 60, 150);

    [Fact]
    public void The_one_in_the_package_has_no_relative_link_and_no_picture() =>
        Assert.DoesNotContain(Link().Matches(Resource("package.md")), static match => !match.Groups[1].Value.StartsWith("https://", StringComparison.Ordinal));

    [Fact]
    public void Every_option_and_its_variable_is_in_the_table()
    {
        IEnumerable<string> options = typeof(TracedHeapOptions).GetProperties().Select(property => property.Name).Except([nameof(NativeHeapOptions.Guard)]);
        IEnumerable<string> guards = typeof(GuardOptions).GetProperties().Select(property => $"{nameof(NativeHeapOptions.Guard)}.{property.Name}");
        foreach (string option in options.Concat(guards))
        {
            Assert.Contains($"| `{option}` |", s_options, StringComparison.Ordinal);
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
        Assert.All(asked, variable => Assert.Contains($"`{variable}`", s_options, StringComparison.Ordinal));
    }

    [GeneratedRegex(@"\]\(([^)]+)\)")]
    private static partial Regex Link();

    private static string Resource(string name)
    {
        using Stream stream = typeof(ReadmeTests).Assembly.GetManifestResourceStream(name)!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
