using System.Diagnostics;

namespace SpanHeap.Perf.Measurement;

/// <summary>
/// This program again, compiled ahead (ReadyToRun). In a fresh process of the ordinary build the JIT takes most of the time of a first
/// pass, more of it where more of the allocator is C#; here all are measured without.
/// </summary>
internal static class AheadBuild
{
    public const string Name = "ready-to-run";

    private static readonly Publication s_publication = new("perf/perf.csproj", "compiled-ahead", ["--self-contained", "false", "-p:PublishReadyToRun=true"]);

    /// <summary>Makes it, or brings it up to date; the ordinary build where it cannot be had. Says which on a line of its own.</summary>
    public static WorkerBuild Make()
    {
        Console.Error.WriteLine("Compiling this program ahead (dotnet publish, ReadyToRun), for passes of fresh processes ...");
        long start = Stopwatch.GetTimestamp();
        if (s_publication.TryMake() is { } reason)
        {
            Console.Error.WriteLine($"... it cannot be had here: {reason} Those passes run in the ordinary build, and their time is mostly the JIT's.");
            return WorkerBuild.Ordinary;
        }

        Console.Error.WriteLine($"... done in {Stopwatch.GetElapsedTime(start).TotalSeconds:f0} s.");
        return new WorkerBuild(Name, s_publication.Program);
    }
}
