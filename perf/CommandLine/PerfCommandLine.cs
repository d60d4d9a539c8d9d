using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using SpanHeap.Perf.CBaseline;
using SpanHeap.Perf.Compare;
using SpanHeap.Perf.Endurance;
using SpanHeap.Perf.FastPath;
using SpanHeap.Perf.Guard;
using SpanHeap.Perf.Instructions;
using SpanHeap.Perf.Replay;
using SpanHeap.Perf.Traced;

namespace SpanHeap.Perf.CommandLine;

/// <summary>
/// The command line of everything but <c>micro</c>, whose arguments are BenchmarkDotNet's, and the workers, which are measured and must not load
/// a parser.
/// </summary>
internal static class PerfCommandLine
{
    // Files may be called @name.
    private static readonly ParserConfiguration s_parser = new() { ResponseFileTokenReplacer = null, EnablePosixBundling = false };

    // What a command throws is for Main.
    private static readonly InvocationConfiguration s_invocation = new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };

    /// <summary>Runs the command that the arguments name, and gets the exit code of the program.</summary>
    /// <exception cref="InputException">The arguments are wrong, or something that they name cannot be used.</exception>
    public static int Run(string[] args)
    {
        // Without a command it is a replay of what is bundled.
        ParseResult line = Root().Parse(args.Length == 0 ? [ReplayCommand.Name] : args, s_parser);
        return line.Errors.Count > 0 && line.Action is not PrintUsage ? throw Refusal(line) : line.Invoke(s_invocation);
    }

    private static Command Root()
    {
        Command help = new("help") { Action = new PrintUsage() };
        return new Command("perf")
        {
            ReplayCommand.Declare(),
            CompareCommand.Declare(),
            TracedCommand.Declare(),
            CBaselineCommand.Declare(),
            GuardCommand.Declare(),
            EnduranceCommand.Declare(),
            FastPathCommand.Declare(),
            InstructionsCommand.Declare(),
            FlatTrace.Declare(),
            help,
            new HelpOption("--help", ["-h", "-?"]) { Action = new PrintUsage() },
        };
    }

    private static InputException Refusal(ParseResult line)
    {
        if (line.UnmatchedTokens is not [var unknown, ..])
        {
            return new InputException(string.Join('\n', line.Errors.Select(static error => error.Message).Distinct()));
        }

        Command command = line.CommandResult.Command;
        string refusal = line.CommandResult.Parent is null ? $"'{unknown}' is not a command."
            : CommandOptions.IsOption(unknown) ? CommandOptions.UnknownOption(unknown)
            : command.Options.Any(static option => option.Name == CommandOptions.Workloads)
                ? $"'{unknown}' has no meaning for {command.Name}; workloads are given with {CommandOptions.Workloads}."
                : $"'{unknown}' has no meaning for {command.Name}.";
        return new InputException($"{refusal}\n\n{Usage.Text}");
    }

    /// <summary>Prints the same page for all commands.</summary>
    private sealed class PrintUsage : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            Console.WriteLine(Usage.Text);
            return 0;
        }
    }
}
