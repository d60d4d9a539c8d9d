using CliWrap;
using CliWrap.Buffered;

namespace SpanHeap.Perf.Measurement;

/// <summary>Runs programs that are not this one, such as compilers, to their end.</summary>
/// <remarks>The processes that are measured are started by <see cref="WorkerProcess"/>: they answer questions while they run.</remarks>
internal static class OtherProgram
{
    /// <summary>Gets what a program writes to stdout. What it writes to stderr goes to that of this program.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">The program is not installed.</exception>
    /// <exception cref="WorkerException">The program says that it has failed.</exception>
    public static string Output(string program, string[] arguments, IReadOnlyDictionary<string, string?>? environment = null)
    {
        Command command = Cli.Wrap(program).WithArguments(arguments).WithStandardErrorPipe(PipeTarget.ToDelegate(Console.Error.WriteLine));
        BufferedCommandResult result = Run(command, environment, Timeout.InfiniteTimeSpan);
        return result.IsSuccess
            ? result.StandardOutput
            : throw new WorkerException($"{program} {string.Join(' ', arguments)} ended with code {result.ExitCode}.");
    }

    /// <summary>Runs a program, whether or not it succeeds.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">The program is not installed.</exception>
    /// <exception cref="OperationCanceledException">It took longer than the patience with it, and was ended.</exception>
    public static BufferedCommandResult Run(Command command, IReadOnlyDictionary<string, string?>? environment, TimeSpan patience)
    {
        using CancellationTokenSource end = new(patience);
        return command
            .WithEnvironmentVariables(environment ?? new Dictionary<string, string?>())
            .WithValidation(CommandResultValidation.None)
            .ExecuteBufferedAsync(end.Token)
            .GetAwaiter().GetResult();
    }
}
