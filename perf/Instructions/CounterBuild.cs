using System.Diagnostics;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Instructions;

/// <summary>The counter, published with NativeAOT: nothing is compiled while it is counted, and its code is the same each time.</summary>
internal static class CounterBuild
{
    public const string Name = "native-aot";

    private static readonly Publication s_publication = new("perf/Instructions/Counter/counter.csproj", "counter", ["-p:PublishAot=true"]);

    // What the SDK, NuGet and the linker say where something is not there.
    private static readonly string[] s_signsOfMissing = ["NU1", "NETSDK1094", "Platform linker", "ld: cannot find", "there is no", "dotnet:"];

    /// <summary>Gets the path of the program; null, and a line that says what is missing, where it cannot be had.</summary>
    /// <exception cref="WorkerException">It does not compile.</exception>
    public static string? TryMake()
    {
        Console.Error.WriteLine("Compiling the counter ahead (dotnet publish, NativeAOT) ...");
        long start = Stopwatch.GetTimestamp();
        string? reason = s_publication.TryMake();
        if (reason is null)
        {
            Console.Error.WriteLine($"... done in {Stopwatch.GetElapsedTime(start).TotalSeconds:f0} s.");
            return s_publication.Program;
        }

        if (!s_signsOfMissing.Any(sign => reason.Contains(sign, StringComparison.Ordinal)))
        {
            throw new WorkerException($"The counter cannot be published: {reason}");
        }

        Console.Error.WriteLine($"""
            ... it cannot be had here, and SpanHeap is skipped: {reason}
            NativeAOT needs a linker (on Debian: apt-get install gcc libc6-dev zlib1g-dev) and the package Microsoft.DotNet.ILCompiler, which NuGet loads.
            """);
        return null;
    }
}
