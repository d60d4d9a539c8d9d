using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using SpanHeap.Tests.Support;

namespace SpanHeap.Generators.Tests;

/// <summary>
/// Each block of C# in the READMEs and the guides is a whole program: it compiles as it stands in a new console project, without a warning, and runs.
/// </summary>
public sealed partial class GuideProgramTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    // What other packages bring. The tests of consumers run such programs.
    private static readonly string[] s_others = ["using Apache.", "using KeraLua;", "using Microsoft.Data.Sqlite;", "using OpenTelemetry;", "using SixLabors.", "using System.IO.Pipelines;"];

    private static readonly Dictionary<string, string> s_programs = ReadAll();

    public static TheoryData<string> Programs => [.. s_programs.Keys];

    [Fact]
    public void Every_page_for_users_has_been_read() => Assert.InRange(s_programs.Count, 10, 100);

    [Theory]
    [MemberData(nameof(Programs))]
    public void It_compiles_and_runs_as_it_stands(string program)
    {
        Compiled compiled = Compiled.Program(s_programs[program]);
        Assert.True(compiled.Said.Count == 0, string.Join('\n', compiled.Said));

        DirectoryInfo folder = Directory.CreateTempSubdirectory("spanheap-guide-");
        try
        {
            (int? exitCode, string output) = StressProcess.Run("dotnet", [compiled.Save(folder.FullName)], s_patience);
            Assert.True(exitCode == 0, output);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static Dictionary<string, string> ReadAll()
    {
        string root = Root();
        IEnumerable<string> pages = Directory.EnumerateFiles(Path.Combine(root, "src", "Guides"), "*.md").Order(StringComparer.Ordinal)
            .Prepend(Path.Combine(root, "src", "SpanHeap", "README.md"))
            .Prepend(Path.Combine(root, "README.md"));
        Dictionary<string, string> programs = [];
        foreach (string page in pages)
        {
            int number = 0;
            foreach (Match block in CodeBlock().Matches(File.ReadAllText(page).ReplaceLineEndings("\n")))
            {
                string program = block.Groups[1].Value;
                if (!s_others.Any(other => program.Contains(other, StringComparison.Ordinal)))
                {
                    programs.Add($"{Path.GetRelativePath(root, page)}, block {++number}", program);
                }
            }
        }

        return programs;
    }

    private static string Root([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", ".."));

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CodeBlock();
}
