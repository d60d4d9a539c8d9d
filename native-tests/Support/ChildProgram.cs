using System.Diagnostics;
using System.Reflection;

namespace SpanHeap.Tests.Support;

/// <summary>
/// The entry point of the test assembly, for what must happen in a process of its own: <c>dotnet exec SpanHeap.Tests.dll TYPE METHOD</c>
/// runs a static method without parameters. The test runner does not come here. With <c>tests NAME..</c> instead it runs tests itself.
/// </summary>
internal static class ChildProgram
{
    private const int Completed = 0;
    private const int Misused = 64;

    /// <summary>How a child ended.</summary>
    internal readonly record struct Result(int ExitCode, string Output, string Error);

    public static int Main(string[] args)
    {
        if (args is ["tests", ..])
        {
            return TestRun.Run(args[1..]);
        }

        MethodInfo? method = args.Length == 2
            ? typeof(ChildProgram).Assembly.GetType(args[0])?.GetMethod(args[1], BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)
            : null;
        if (method == null)
        {
            Console.Error.WriteLine("usage: TYPE METHOD (of this assembly, static, without parameters), or: tests NAME.. (beginnings of names of classes)");
            return Misused;
        }

        method.Invoke(null, null);
        return Completed;
    }

    /// <summary>Runs a static method in a process of its own and waits for its end.</summary>
    /// <param name="scenario">The method; it must not capture anything.</param>
    /// <param name="environment">Variables to set.</param>
    public static Result Run(Action scenario, params (string Name, string Value)[] environment) =>
        RunAssembly(typeof(ChildProgram).Assembly.Location, [scenario.Method.DeclaringType!.FullName!, scenario.Method.Name], environment);

    /// <summary>Runs the program of an assembly in a process of its own and waits for its end.</summary>
    /// <param name="assembly">The path of the assembly.</param>
    /// <param name="arguments">What the program is given.</param>
    /// <param name="environment">Variables to set.</param>
    public static Result RunAssembly(string assembly, string[] arguments, params (string Name, string Value)[] environment)
    {
        TestRun.RequireOtherProcesses();
        ProcessStartInfo start = new(
            Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet", ["exec", assembly, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        foreach ((string name, string value) in environment)
        {
            start.Environment[name] = value;
        }

        using Process child = Process.Start(start)!;
        Task<string> output = child.StandardOutput.ReadToEndAsync();
        Task<string> error = child.StandardError.ReadToEndAsync();
        if (!child.WaitForExit(TimeSpan.FromMinutes(2)))
        {
            child.Kill(entireProcessTree: true);
            throw new TimeoutException($"The child {string.Join(' ', arguments)} did not end.");
        }

        return new Result(child.ExitCode, output.Result, error.Result);
    }
}
