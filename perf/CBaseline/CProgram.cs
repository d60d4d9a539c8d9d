using System.ComponentModel;
using System.Diagnostics;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.CBaseline;

/// <summary>The C program, compiled for this run into a directory that goes away with it.</summary>
internal sealed class CProgram : IDisposable
{
    private const string Compiler = "gcc";

    // -fno-builtin: a compiler that knows what malloc and free are may leave a pair of them out.
    private static readonly string[] s_flags =
        ["-O2", "-std=gnu11", "-Wall", "-Wextra", "-fno-builtin-malloc", "-fno-builtin-free"];

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("spanheap-c-baseline-");

    private CProgram() { }

    public string Path => PathOf("baseline");

    /// <summary>The compiler's name and version.</summary>
    public string Version { get; private set; } = "";

    private static string SourceDirectory => System.IO.Path.Combine(AppContext.BaseDirectory, "c-baseline");

    /// <summary>Null, and a line that says what is missing, where there is no compiler.</summary>
    public static CProgram? TryBuild()
    {
        var program = new CProgram();
        try
        {
            program.Build();
            return program;
        }
        catch (Win32Exception)
        {
            program.Dispose();
            Console.Error.WriteLine($"c-baseline is skipped: {Compiler} is not installed. On Debian: apt-get install gcc libc6-dev");
            return null;
        }
        catch
        {
            program.Dispose();
            throw;
        }
    }

    /// <summary>Where a file for the program can be put.</summary>
    public string PathOf(string name) => System.IO.Path.Combine(_directory.FullName, name);

    public void Dispose() => _directory.Delete(recursive: true);

    private void Build()
    {
        string[] sources = Directory.GetFiles(SourceDirectory, "*.c");
        Array.Sort(sources, StringComparer.Ordinal);
        Compile([.. s_flags, "-o", Path, .. sources, "-ldl"]);
        Version = Compile(["--version"]).Split('\n')[0];
    }

    private static string Compile(string[] arguments)
    {
        var start = new ProcessStartInfo(Compiler, arguments) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new WorkerException($"{Compiler} {string.Join(' ', arguments)} ended with code {process.ExitCode}.");
    }
}
