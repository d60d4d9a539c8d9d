using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace SpanHeap.Tests.Consumers;

/// <summary>The programs of the guide to native libraries, as they stand there.</summary>
public sealed partial class NativeLibraryGuideTests
{
    [ConsumerFact]
    public void The_program_for_SQLite_runs() =>
        Assert.Matches(@"^sum 42, \d+ KiB in use\n0 blocks left\n$", ConsumerPrograms.RunText("sqlite", Program("## SQLite")));

    [ConsumerFact]
    public void The_program_for_Lua_runs() =>
        Assert.Equal("not enough memory\n0 blocks left\n", ConsumerPrograms.RunText("lua", Program("## Lua")));

    [ConsumerFact]
    public void The_program_for_zlib_runs_where_zlib_is_installed()
    {
        string assembly = ConsumerPrograms.Compile("zlib", Program("## zlib"));

        if (NativeLibrary.TryLoad("libz.so.1", out nint zlib))
        {
            NativeLibrary.Free(zlib);
            Assert.Matches(@"^16000 bytes in, \d\d bytes out, 0 blocks left\n$", ConsumerPrograms.RunAssembly(assembly));
        }
    }

    private static string Program(string heading)
    {
        string page = File.ReadAllText(Path.Combine(Path.GetDirectoryName(Here())!, "..", "..", "src", "Guides", "native-libraries.md")).ReplaceLineEndings("\n");
        return Block().Match(page, page.IndexOf($"{heading}\n", StringComparison.Ordinal)).Groups["text"].Value;
    }

    private static string Here([CallerFilePath] string file = "") => file;

    [GeneratedRegex(@"```csharp\n(?<text>.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
