using System.Diagnostics;

namespace SpanHeap.Tests.Support;

/// <summary>Runs other programs.</summary>
internal static class StressProcess
{
    /// <summary>Runs a program to its end, or for so long.</summary>
    /// <returns>Its exit code (null when it was ended for taking too long) and all that it printed.</returns>
    public static (int? ExitCode, string Output) Run(
        string program, IEnumerable<string> arguments, TimeSpan bound, params (string Name, string? Value)[] environment)
    {
        TestRun.RequireOtherProcesses();
        ProcessStartInfo start = new(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };

        // What the test runner's own build tools leave in the environment would mislead another build.
        foreach (string inherited in start.Environment.Keys.Where(static key => key.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
        {
            start.Environment.Remove(inherited);
        }

        foreach ((string name, string? value) in environment)
        {
            start.Environment[name] = value;
        }

        using Process process = Process.Start(start)!;

        // There is nobody who could type.
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        bool ended = process.WaitForExit(bound);
        if (!ended)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }

        // What outlives the program may hold its output open.
        Task.WaitAll([output, error], TimeSpan.FromSeconds(5));
        return (ended ? process.ExitCode : null, Text(output) + Text(error));
    }

    private static string Text(Task<string> read) => read.IsCompletedSuccessfully ? read.Result : "";
}
