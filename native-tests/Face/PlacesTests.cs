using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using SpanHeap.Tests.Os;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Face;

/// <summary>
/// The table in <c>src/Guides/tested.md</c>: one program, which checks what users do, in every way in which programs are run. A test writes it when
/// the variable <c>SPANHEAP_WRITE_TESTED</c> is 1, which takes some minutes.
/// </summary>
public sealed partial class PlacesTests
{
    private static readonly TimeSpan s_bound = TimeSpan.FromMinutes(5);

    private static readonly (string Name, Func<string, string> Run)[] s_places =
    [
        ("compiled as it runs (JIT)", static folder => Published(folder, [], [])),
        ("a single file", static folder => Published(folder, ["--use-current-runtime", "--self-contained", "-p:PublishSingleFile=true"], [])),
        ("NativeAOT", static folder => Published(folder, ["--use-current-runtime", "-p:PublishAot=true"], [])),
        ("NativeAOT, linked statically, in an empty chroot", InEmptyRoot),
        ("linux-arm64 under qemu-user", OnArm64),
        ("win-x64 under wine", UnderWine),
    ];

    [Fact]
    public void The_table_names_every_place()
    {
        string[] cells = [.. FirstCell().Matches(File.ReadAllText(Page())).Select(static match => match.Groups[1].Value)];
        Assert.Equal(s_places.Select(static place => place.Name), cells.Where(static cell => cell is not ("" or "---" or "where")));
    }

    [WritesTableFact]
    public void The_table_is_written_as_the_program_runs()
    {
        StringBuilder rows = new();
        List<string> failed = [];
        foreach ((string name, Func<string, string> run) in s_places)
        {
            DirectoryInfo folder = Directory.CreateTempSubdirectory("spanheap-place-");
            string result;
            try
            {
                result = run(folder.FullName);
            }
            finally
            {
                folder.Delete(recursive: true);
            }

            rows.Append(CultureInfo.InvariantCulture, $"| {name} | {result} |\n");
            if (!result.StartsWith("not run", StringComparison.Ordinal) && !result.Contains("checks passed", StringComparison.Ordinal))
            {
                failed.Add($"{name}: {result}");
            }
        }

        string page = File.ReadAllText(Page());
        File.WriteAllText(Page(), Table().Replace(page, $"| where | result |\n| --- | --- |\n{rows}"));
        Assert.Empty(failed);
    }

    private static string Published(string folder, string[] options, string[] runner, (string, string?)[]? environment = null)
    {
        (int? exitCode, string text) = StressProcess.Run(
            "dotnet", ["publish", Path.Combine(Root(), "native-tests", "ahead"), "-c", "Release", "--disable-build-servers", .. options, "-o", folder], s_bound, ("DOTNET_CLI_UI_LANGUAGE", "en"));
        if (exitCode != 0)
        {
            return Missing().IsMatch(text) ? "not run: what it needs to be built cannot be had here" : $"does not build: {LastLine(text)}";
        }

        string program = Directory.EnumerateFiles(folder).First(static file => Path.GetFileName(file) is "SpanHeap.Ahead" or "SpanHeap.Ahead.exe");
        string[] command = [.. runner, program];
        (exitCode, text) = StressProcess.Run(command[0], command[1..], s_bound, environment ?? []);
        return exitCode == 0 ? LastLine(text) : $"ended with {exitCode}: {LastLine(text)}";
    }

    private static string InEmptyRoot(string folder)
    {
        // It is not linked again for other options only.
        foreach (string linked in Directory.GetDirectories(Path.Combine(Root(), "native-tests", "ahead", "bin", "Release", "net10.0"), "native", SearchOption.AllDirectories))
        {
            Directory.Delete(linked, recursive: true);
        }

        string built = Published(folder, ["--use-current-runtime", "-p:PublishAot=true", "-p:StaticExecutable=true", "-p:PositionIndependentExecutable=false"], []);
        if (!built.Contains("checks passed", StringComparison.Ordinal) || Environment.UserName != "root")
        {
            return Environment.UserName != "root" ? "not run: only root can change the root" : built;
        }

        string root = Directory.CreateDirectory(Path.Combine(folder, "root")).FullName;
        File.Copy(Path.Combine(folder, "SpanHeap.Ahead"), Path.Combine(root, "program"));
        (int? exitCode, string text) = StressProcess.Run("/usr/sbin/chroot", [root, "/program"], s_bound);
        return exitCode == 0 ? LastLine(text) : $"ended with {exitCode}: {LastLine(text)}";
    }

    private static string OnArm64(string folder)
    {
        const string Libraries = "/usr/aarch64-linux-gnu";
        return File.Exists("/usr/bin/qemu-aarch64") && File.Exists($"{Libraries}/lib/ld-linux-aarch64.so.1")
            ? Published(
                folder, ["-r", "linux-arm64", "--self-contained"], ["/usr/bin/qemu-aarch64"], [("QEMU_LD_PREFIX", Libraries), ("DOTNET_EnableWriteXorExecute", "0")])
            : "not run: qemu-user and the libraries of Debian for arm64 are not installed";
    }

    // A collection ends in an internal error of the runtime under wine 8, with or without a heap: so much room that none comes.
    private static string UnderWine(string folder) =>
        WineFactAttribute.Wine is { } wine
            ? Published(
                folder, ["-r", "win-x64", "--self-contained"], [wine],
                [("DOTNET_GCgen0size", "10000000"), ("WINEPREFIX", Path.Combine(folder, "prefix")), ("WINEDEBUG", "-all"), ("DISPLAY", null)])
            : "not run: wine is not installed";

    // The one that says how many checks passed, if there is one: wine says something of its own after it.
    private static string LastLine(string text)
    {
        string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return lines.LastOrDefault(static line => line.Contains("checks passed", StringComparison.Ordinal)) ?? lines.LastOrDefault("no output");
    }

    private static string Page() => Path.Combine(Root(), "src", "Guides", "tested.md");

    private static string Root([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", ".."));

    [GeneratedRegex(@"^\| ([^|]*?) \|", RegexOptions.Multiline)]
    private static partial Regex FirstCell();

    [GeneratedRegex(@"\| where .*\n(\|.*\n)*")]
    private static partial Regex Table();

    [GeneratedRegex("error (NU1|NETSDK1094)|ld: cannot find|Platform linker")]
    private static partial Regex Missing();
}

/// <summary>A test that writes a page of the guides; skipped, visibly, unless it is asked to.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class WritesTableFactAttribute : FactAttribute
{
    public WritesTableFactAttribute() =>
        Skip = Environment.GetEnvironmentVariable("SPANHEAP_WRITE_TESTED") == "1" ? null : "SPANHEAP_WRITE_TESTED=1 writes src/Guides/tested.md.";
}
