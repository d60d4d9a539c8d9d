using System.ComponentModel;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Traced;

/// <summary>A program of the folder <c>go</c>, compiled for this run into a directory that goes away with it.</summary>
internal sealed class GoProgram : IDisposable
{
    private const string Compiler = "go";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("spanheap-go-");

    private readonly string _name;

    private GoProgram(string name) => _name = name;

    private string Program => Path.Combine(_directory.FullName, _name);

    /// <summary>Null, and a line that says what is missing, where there is no compiler.</summary>
    public static GoProgram? TryBuild(string name)
    {
        var program = new GoProgram(name);
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

    /// <summary>Runs the program, whose only line of output is the result.</summary>
    public T Run<T>(params string[] arguments) => WorkerProtocol.Parse<T>(Output(Program, arguments));

    public void Dispose() => _directory.Delete(recursive: true);

    private void Build() => Output(Compiler, ["build", "-o", Program, Source(_name), Source("process")]);

    private static string Source(string name) => Path.Combine(AppContext.BaseDirectory, "go", name + ".go");

    // One file without a module, and nothing from outside.
    private string Output(string program, string[] arguments) => OtherProgram.Output(program, arguments, new Dictionary<string, string?>
    {
        ["GO111MODULE"] = "off",
        ["GOCACHE"] = Path.Combine(_directory.FullName, "cache"),
    });
}
