using SpanHeap.Perf.CBaseline;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Compare;
using SpanHeap.Perf.Endurance;
using SpanHeap.Perf.FastPath;
using SpanHeap.Perf.Guard;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Micro;
using SpanHeap.Perf.Replay;
using SpanHeap.Perf.Traced;

namespace SpanHeap.Perf;

/// <summary>Picks the command. Exit codes: 0 done, 1 a measurement failed, 2 a wrong argument or an unreadable input.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        try
        {
            return args switch
            {
                [not "micro" and not WorkerProcess.Verb, .., "--help" or "-h" or "-?"] => Usage.Print(),
                [] => ReplayCommand.Run(new Arguments([])),
                ["replay", .. var rest] => ReplayCommand.Run(new Arguments(rest)),
                ["guard", "decode", .. var rest] => DecodeCommand.Run(new Arguments(rest)),
                ["compare", .. var rest] => CompareCommand.Run(new Arguments(rest)),
                ["micro", .. var rest] => MicroCommand.Run(rest),
                ["endurance", .. var rest] => EnduranceCommand.Run(new Arguments(rest)),
                ["fastpath", .. var rest] => FastPathCommand.Run(new Arguments(rest)),
                ["traced", .. var rest] => TracedCommand.Run(new Arguments(rest)),
                ["guard", .. var rest] => GuardCommand.Run(new Arguments(rest)),
                ["c-baseline", .. var rest] => CBaselineCommand.Run(new Arguments(rest)),
                ["export-trace", var trace, var output] => FlatTrace.Export(trace, output),
                ["help" or "--help" or "-h" or "-?", ..] => Usage.Print(),
                [WorkerProcess.Verb, .. var rest] => Worker.Run(rest),
                [var unknown, ..] => throw new InputException($"'{unknown}' is not a command.\n\n{Usage.Text}"),
            };
        }
        catch (InputException wrong)
        {
            Progress.Clear();
            Console.Error.WriteLine(wrong.Message);
            return 2;
        }
        catch (WorkerException broken)
        {
            Progress.Clear();
            Console.Error.WriteLine(broken.Message);
            return 1;
        }
    }
}
