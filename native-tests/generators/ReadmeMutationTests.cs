using System.Reflection;
using System.Text.RegularExpressions;
using Xunit.Abstractions;

namespace SpanHeap.Generators.Tests;

/// <summary>
/// The README's example of traced memory with lines left out or in another order, as a reader who learns from it may write it: the
/// compiler refuses that, or it runs, or it gets an exception that says what is wrong. A crash ends the test host, which shows.
/// </summary>
public sealed partial class ReadmeMutationTests(ITestOutputHelper output)
{
    private static readonly (string Type, string[] Lines) s_example = Read();

    [Fact]
    public void The_example_has_less_than_thirty_lines() =>
        Assert.InRange(s_example.Type.Split('\n').Length + s_example.Lines.Length, 10, 29);

    [Fact]
    public void As_it_stands_it_is_accepted_and_runs() => Assert.Equal("ran", Try(s_example.Type, s_example.Lines));

    [Fact]
    public void Without_any_one_of_its_lines_it_is_refused_or_harmless()
    {
        for (int left = 0; left < s_example.Lines.Length; left++)
        {
            string what = Try(s_example.Type, [.. s_example.Lines.Where((_, i) => i != left)]);
            output.WriteLine($"without '{s_example.Lines[left].Trim()}': {what}");
        }

        string[] type = s_example.Type.Split('\n');
        for (int left = 0; left < type.Length; left++)
        {
            string what = Try(string.Join('\n', type.Where((_, i) => i != left)), s_example.Lines);
            output.WriteLine($"without '{type[left].Trim()}': {what}");
        }
    }

    [Fact]
    public void With_any_two_of_its_lines_exchanged_it_is_refused_or_harmless()
    {
        for (int first = 0; first < s_example.Lines.Length; first++)
        {
            for (int second = first + 1; second < s_example.Lines.Length; second++)
            {
                string[] lines = [.. s_example.Lines];
                (lines[first], lines[second]) = (lines[second], lines[first]);
                string what = Try(s_example.Type, lines);
                output.WriteLine($"'{lines[second].Trim()}' and '{lines[first].Trim()}': {what}");
            }
        }
    }

    private static string Try(string type, string[] lines)
    {
        Compiled compiled = Compiled.From($"{type}\npublic static class Program\n{{\n    public static object Run()\n    {{\n{string.Join('\n', lines)}\n        return 1;\n    }}\n}}");
        if (compiled.Said.FirstOrDefault(static one => one.Severity == Microsoft.CodeAnalysis.DiagnosticSeverity.Error) is { } refusal)
        {
            return $"refused, {refusal.Id}";
        }

        try
        {
            compiled.Run();
            return "ran";
        }
        catch (TargetInvocationException wrapped)
        {
            // Nothing else is clear: an AccessViolationException would not even come here.
            Exception thrown = wrapped.InnerException!;
            Assert.True(thrown is InvalidOperationException or NullReferenceException or ArgumentException, thrown.ToString());
            return thrown.Message;
        }
    }

    // The type's declaration, and the program's lines that have something on them; it makes fewer trees, to be quick.
    private static (string Type, string[] Lines) Read()
    {
        using Stream stream = typeof(ReadmeMutationTests).Assembly.GetManifestResourceStream("README.md")!;
        using StreamReader reader = new(stream);
        string block = CodeBlock().Matches(reader.ReadToEnd().ReplaceLineEndings("\n")).Select(static match => match.Groups[1].Value)
            .Single(static block => block.Contains("CreateRoots", StringComparison.Ordinal));
        int type = block.IndexOf("[Traced]", StringComparison.Ordinal);
        string[] lines = block[..type].Replace("1_000_000", "5_000", StringComparison.Ordinal).Split('\n');
        return (block[type..].TrimEnd(), [.. lines.Where(static line => line.Trim().Length > 0 && !line.StartsWith("using SpanHeap", StringComparison.Ordinal))]);
    }

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CodeBlock();
}
