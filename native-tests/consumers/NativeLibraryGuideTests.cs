using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace SpanHeap.Tests.Consumers;

/// <summary>The programs of the guide to native libraries that need packages, as they stand there.</summary>
public sealed partial class NativeLibraryGuideTests
{
    [ConsumerFact]
    public void The_program_for_SQLite_runs() =>
        Assert.Matches(@"^sum 42, \d+ KiB in use\n0 blocks left\n$", ConsumerPrograms.RunText("sqlite", Program("## SQLite")));

    [ConsumerFact]
    public void The_program_for_Lua_runs() =>
        Assert.Equal("not enough memory\n0 blocks left\n", ConsumerPrograms.RunText("lua", Program("## Lua")));

    private static string Program(string heading)
    {
        string page = File.ReadAllText(Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", "src", "Guides", "native-libraries.md")).ReplaceLineEndings("\n");
        return Block().Match(page, page.IndexOf($"{heading}\n", StringComparison.Ordinal)).Groups["text"].Value;
    }

    private static string Here([CallerFilePath] string file = "") => file;

    [GeneratedRegex(@"```csharp\n(?<text>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
