using System.ComponentModel;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.CBaseline;

/// <summary>The C program, compiled for this run into a directory that goes away with it.</summary>
internal sealed class CProgram : IDisposable
{
    private const string Compiler = "gcc";

    // -fno-builtin: a compiler that knows what malloc and free are may leave a pair of them out.
    private static readonly string[] s_flags =
    [
        "-O2", "-std=gnu11", "-Wall", "-Wextra", "-pthread", "-fno-builtin-malloc", "-fno-builtin-free", "-fno-builtin-calloc", "-fno-builtin-realloc",
        "-fno-builtin-aligned_alloc",
    ];

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("spanheap-c-baseline-");

    private CProgram() { }

    public string Path => System.IO.Path.Combine(Folder, "baseline");

    /// <summary>The same program with an allocator that executes nothing, once <see cref="BuildEmpty"/> has made it.</summary>
    public string EmptyPath => System.IO.Path.Combine(Folder, "empty");

    /// <summary>Where files for the program can be put.</summary>
    public string Folder => _directory.FullName;

    /// <summary>The compiler's name and version.</summary>
    public string Version { get; private set; } = "";

    private static string SourceDirectory => System.IO.Path.Combine(AppContext.BaseDirectory, "CBaseline");

    /// <summary>Null, and a line that says what is missing, where there is no compiler.</summary>
    /// <param name="what">What is skipped without it.</param>
    public static CProgram? TryBuild(string what)
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
            Console.Error.WriteLine($"{what} is skipped: {Compiler} is not installed. On Debian: apt-get install gcc libc6-dev");
            return null;
        }
        catch
        {
            program.Dispose();
            throw;
        }
    }

    public void Dispose() => _directory.Delete(recursive: true);

    /// <summary>Compiles the program whose allocator is empty.</summary>
    public void BuildEmpty() => Compile(EmptyPath, "-DEMPTY_ALLOCATOR");

    private static void Compile(string output, params string[] options)
    {
        string[] sources = Directory.GetFiles(SourceDirectory, "*.c");
        Array.Sort(sources, StringComparer.Ordinal);
        OtherProgram.Output(Compiler, [.. s_flags, .. options, "-o", output, .. sources, "-ldl"]);
    }

    private void Build()
    {
        Compile(Path);
        Version = OtherProgram.Output(Compiler, ["--version"]).Split('\n')[0];
    }
}
