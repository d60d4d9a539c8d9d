using System.Diagnostics;

namespace SpanHeap.Perf.Measurement;

/// <summary>
/// This program again, in a process of its own: allocators cannot share a heap, a JIT or a peak of memory.
/// It answers with one line of JSON for each question; lines that begin with '#' are progress.
/// </summary>
internal sealed class WorkerProcess : IDisposable
{
    public const string Verb = "worker";

    private readonly Process _process;
    private readonly string _what;

    public WorkerProcess(ReadOnlySpan<string> args, ReadOnlySpan<(string Name, string Value)> environment, WorkerBuild? build = null)
    {
        _what = string.Join(' ', args!);
        _process = Process.Start(StartInfo(args, environment, build ?? WorkerBuild.Ordinary))!;
    }

    public static bool Succeeds(ReadOnlySpan<string> args, ReadOnlySpan<(string Name, string Value)> environment)
    {
        using Process process = Process.Start(StartInfo(args, environment, WorkerBuild.Ordinary))!;
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0;
    }

    /// <summary>How this program, or another build of it, is started as a worker whose input and output are pipes.</summary>
    public static ProcessStartInfo StartInfo(ReadOnlySpan<string> args, ReadOnlySpan<(string Name, string Value)> environment, WorkerBuild build)
    {
        string program = build.Program ?? Environment.ProcessPath!;
        var start = new ProcessStartInfo(program) { RedirectStandardInput = true, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
        {
            start.ArgumentList.Add(typeof(WorkerProcess).Assembly.Location);
        }

        start.ArgumentList.Add(Verb);
        foreach (string arg in args)
        {
            start.ArgumentList.Add(arg);
        }

        foreach ((string name, string value) in (ReadOnlySpan<(string, string)>)[.. build.Environment, .. environment])
        {
            start.Environment[name] = value;
        }

        return start;
    }

    /// <summary>Asks for another round.</summary>
    public T Ask<T>(string question)
    {
        try
        {
            _process.StandardInput.WriteLine(question);
            _process.StandardInput.Flush();
        }
        catch (IOException)
        {
            throw Broken();
        }

        return Answer<T>();
    }

    /// <summary>Waits for the next result.</summary>
    public T Answer<T>()
    {
        while (_process.StandardOutput.ReadLine() is { } line)
        {
            if (line is ['#', ' ', .. var progress])
            {
                Progress.Show(progress);
            }
            else
            {
                return WorkerProtocol.Parse<T>(line);
            }
        }

        throw Broken();
    }

    public void Dispose()
    {
        // A worker ends when its input does.
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(5)))
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private WorkerException Broken()
    {
        _process.WaitForExit();
        return new WorkerException($"The child process '{_what}' ended with code {_process.ExitCode} and without a result.");
    }
}
