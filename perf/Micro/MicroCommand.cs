using BenchmarkDotNet.Running;

namespace SpanHeap.Perf.Micro;

/// <summary><c>perf -- micro</c>: single operations under BenchmarkDotNet, which takes all arguments.</summary>
internal static class MicroCommand
{
    public static int Run(string[] args)
    {
        // Without arguments BenchmarkDotNet would ask what to run and wait for an answer.
        string[] effective = args.Length > 0 ? args : ["--filter", "*"];
        var summaries = BenchmarkSwitcher.FromAssembly(typeof(MicroCommand).Assembly).Run(effective);
        return summaries.Any(summary => summary.HasCriticalValidationErrors || summary.Reports.Any(report => !report.Success)) ? 1 : 0;
    }
}
