using System.Runtime.CompilerServices;
using SpanHeap.Tests.Guard;
using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Os;

/// <summary>This very assembly, published for Windows, checks itself under wine.</summary>
[Collection(WholeProcess.Name)]
public sealed class WindowsUnderWineTests(ITestOutputHelper output)
{
    private static readonly TimeSpan s_bound = TimeSpan.FromMinutes(3);

    // One of each kind that asks something else of VirtualProtect; the others of GuardFaults differ in the address. (A start under wine
    // takes seconds.)
    private static readonly string[] s_faults =
    [
        nameof(GuardFaults.Overflow_by_1_byte), nameof(GuardFaults.Underflow_by_1_byte), nameof(GuardFaults.Write_after_free_small),
        nameof(GuardFaults.Read_after_free_large), nameof(GuardFaults.Read_of_a_swept_traced_block),
    ];

    [WineFact]
    [Unguarded("stacks are managed memory, and a collection ends the runtime under wine")]
    public void The_heap_works_on_Windows()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("spanheap-wine-");

        // A collection ends in an internal error of the runtime under wine 8, with or without a heap: so much room that none comes.
        (string, string?)[] environment =
            [("DOTNET_GCgen0size", "10000000"), ("WINEPREFIX", Path.Combine(folder.FullName, "prefix")), ("WINEDEBUG", "-all"), ("DISPLAY", null)];
        try
        {
            if (!TryPublish(folder.FullName, out string program))
            {
                output.WriteLine("SKIPPED: the runtime for win-x64 cannot be had here, so the Windows path is not tested.");
                return;
            }

            (int? exitCode, string text) = StressProcess.Run(
                WineFactAttribute.Wine!, [program, typeof(SelfCheck).FullName!, nameof(SelfCheck.Run)], s_bound, environment);

            output.WriteLine(text);
            Assert.Equal(0, exitCode);
            Assert.Contains($"{SelfCheck.Passed} on Windows, 64 bits", text, StringComparison.Ordinal);
            AssertFaultsEndTheProcess(program, environment);
        }
        finally
        {
            // The server of this prefix, and of no other, would stay for a while and write into the folder.
            string server = Path.Combine(Path.GetDirectoryName(WineFactAttribute.Wine!)!, "wineserver");
            if (File.Exists(server))
            {
                StressProcess.Run(server, ["-k", "-w"], TimeSpan.FromSeconds(20), environment);
            }

            Delete(folder);
        }
    }

    // VirtualProtect instead of mprotect: the same errors as on Linux, each in a process of its own.
    private void AssertFaultsEndTheProcess(string program, (string, string?)[] environment)
    {
        foreach (string fault in s_faults)
        {
            (int? exitCode, string text) = StressProcess.Run(WineFactAttribute.Wine!, [program, typeof(GuardFaults).FullName!, fault], s_bound, environment);

            output.WriteLine($"{fault}: exit code {exitCode}");
            Assert.True(GuardFaults.BlockOf(text) != null, $"{fault} did not come to its error: {text}");
            Assert.DoesNotContain(GuardFaults.Survived, text, StringComparison.Ordinal);
            Assert.NotEqual(0, exitCode);
            Assert.NotNull(exitCode);
        }
    }

    // False without a source of packages; any other failure is one of ours.
    private bool TryPublish(string folder, out string program)
    {
        string published = Path.Combine(folder, "published");
        program = Path.Combine(published, "SpanHeap.Tests.exe");
        (int? exitCode, string text) = StressProcess.Run(
            "dotnet",
            [
                "publish", Path.Combine(ProjectFolder(), "native-tests.csproj"), "-c", "Release", "-r", "win-x64", "--self-contained",
                "--artifacts-path", Path.Combine(folder, "artifacts"), "-o", published,
                "-p:UseAppHost=true", "-p:RunAnalyzers=false", "-p:EnforceCodeStyleInBuild=false", "--disable-build-servers", "-nologo",
            ],
            s_bound,
            ("DOTNET_CLI_TELEMETRY_OPTOUT", "1"));
        if (exitCode != 0)
        {
            output.WriteLine(text);
        }

        if (exitCode != 0 && text.Contains("error NU1", StringComparison.Ordinal))
        {
            return false;
        }

        Assert.Equal(0, exitCode);
        return true;
    }

    private static string ProjectFolder([CallerFilePath] string file = "") => Path.GetDirectoryName(Path.GetDirectoryName(file))!;

    private static void Delete(DirectoryInfo folder)
    {
        try
        {
            folder.Delete(recursive: true);
        }
        catch (IOException)
        {
            // Something of wine's still writes: the system's temporary folder is cleaned by others.
        }
    }
}
