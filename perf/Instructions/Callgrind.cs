using System.ComponentModel;
using System.Globalization;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Instructions;

/// <summary>Counts what a process executes, with valgrind's callgrind: a processor that is simulated, and the same each time.</summary>
/// <param name="simulatesCaches">Whether misses are counted too, which takes longer.</param>
internal sealed class Callgrind(bool simulatesCaches) : IDisposable
{
    private const string Program = "valgrind";

    // Of usual processors. Those of the machine would make a difference from one machine to the next.
    private static readonly string[] s_caches = ["--cache-sim=yes", "--I1=32768,8,64", "--D1=32768,8,64", "--LL=8388608,16,64"];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("spanheap-instructions-");

    /// <summary>Gets valgrind's version; null, and a line that says what is missing, where there is none.</summary>
    public static string? TryFind()
    {
        try
        {
            return OtherProgram.Output(Program, ["--version"]).Trim();
        }
        catch (Win32Exception)
        {
            Console.Error.WriteLine($"instructions is skipped: {Program} is not installed. On Debian: apt-get install valgrind");
            return null;
        }
    }

    /// <summary>Copies a program that was compiled ahead, and nothing else. Older versions of valgrind end when they find its symbols beside it.</summary>
    public string CopyAlone(string program)
    {
        string copy = PathOf(Path.GetFileName(program));
        File.Copy(program, copy);
        return copy;
    }

    /// <summary>Gets what a pair takes: what many rounds take above a few, so that neither the start of the process nor that of the loop counts.</summary>
    public Counts PerPair(CountedProgram program, CountedWorkload workload)
    {
        string[] loop = workload.Words(_folder.FullName);
        Progress.Show($"{workload.Name}: {program.Name}");
        (Counts few, double fewPairs) = Run(program, workload.Few, loop);
        (Counts many, double manyPairs) = Run(program, workload.Many, loop);
        return (many - few) / (manyPairs - fewPairs);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private string PathOf(string name) => Path.Combine(_folder.FullName, name);

    private (Counts Counts, double Pairs) Run(CountedProgram program, int rounds, string[] loop)
    {
        string counts = PathOf("callgrind.out"), log = PathOf("valgrind.log");
        string[] arguments =
        [
            "--tool=callgrind", $"--callgrind-out-file={counts}", $"--log-file={log}", .. simulatesCaches ? s_caches : [],
            program.Path, .. program.Arguments, rounds.ToString(CultureInfo.InvariantCulture), .. loop,
        ];
        try
        {
            string output = OtherProgram.Output(Program, arguments, program.Environment);
            return (CallgrindOutput.Parse(File.ReadLines(counts)), program.PairsIn(output));
        }
        catch (WorkerException) when (File.Exists(log))
        {
            Progress.Clear();
            Console.Error.Write(File.ReadAllText(log));
            throw;
        }
    }
}
