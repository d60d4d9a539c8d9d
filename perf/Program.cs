using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Micro;

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
                [WorkerProcess.Verb, .. var rest] => Worker.Run(rest),
                ["micro", .. var rest] => MicroCommand.Run(rest),
                _ => PerfCommandLine.Run(args),
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
