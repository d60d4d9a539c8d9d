using System.ComponentModel;
using System.Globalization;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Traced.Workers;

namespace SpanHeap.Perf.Traced;

/// <summary>The same trees in Go, compiled for this run into a directory that goes away with it.</summary>
internal sealed class GoProgram : IDisposable
{
    private const string Compiler = "go";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("spanheap-go-");

    private GoProgram() { }

    private string Program => Path.Combine(_directory.FullName, "trees");

    /// <summary>Null, and a line that says what is missing, where there is no compiler.</summary>
    public static GoProgram? TryBuild()
    {
        var program = new GoProgram();
        try
        {
            program.Build();
            return program;
        }
        catch (Win32Exception)
        {
            program.Dispose();
            Console.Error.WriteLine($"{TracedAllocator.Go} is skipped: {Compiler} is not installed. On Debian: apt-get install golang-go");
            return null;
        }
        catch
        {
            program.Dispose();
            throw;
        }
    }

    public TracedRun Run(int depth) =>
        WorkerProtocol.Parse<TracedRun>(Output(Program, [depth.ToString(CultureInfo.InvariantCulture)]));

    public void Dispose() => _directory.Delete(recursive: true);

    private void Build() => Output(Compiler, ["build", "-o", Program, Path.Combine(AppContext.BaseDirectory, "go", "trees.go")]);

    // One file without a module, and nothing from outside.
    private string Output(string program, string[] arguments) => OtherProgram.Output(program, arguments, new Dictionary<string, string?>
    {
        ["GO111MODULE"] = "off",
        ["GOCACHE"] = Path.Combine(_directory.FullName, "cache"),
    });
}
