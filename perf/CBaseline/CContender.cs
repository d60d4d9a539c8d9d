using System.Diagnostics;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.CBaseline;

/// <summary>The C program with an allocator preloaded.</summary>
internal sealed class CContender : IContender
{
    private readonly Process _process;
    private readonly string _what;

    public CContender(CProgram program, AllocatorEntry allocator, string[] arguments)
    {
        _what = $"{allocator.Name} in C, {string.Join(' ', arguments)}";
        var start = new ProcessStartInfo(program.Path, ["time", .. arguments]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        start.Environment[Preloading.Variable] = Preloading.ValueFor(allocator);
        _process = Process.Start(start)!;
        try
        {
            Preloading.Check(allocator, Answer<Ready>().Malloc);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public double Round()
    {
        try
        {
            _process.StandardInput.WriteLine("round");
            _process.StandardInput.Flush();
        }
        catch (IOException)
        {
            throw Broken();
        }

        return Answer<RoundTime>().NsPerOp;
    }

    public void Dispose()
    {
        // It ends when its input does.
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(5)))
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private T Answer<T>() => _process.StandardOutput.ReadLine() is { } line ? WorkerProtocol.Parse<T>(line) : throw Broken();

    private WorkerException Broken()
    {
        _process.WaitForExit();
        return new WorkerException($"The C program ({_what}) ended with code {_process.ExitCode} and without a result.");
    }

    /// <summary>It is warm; where its malloc comes from.</summary>
    private sealed record Ready(string Malloc);
}
