using System.Diagnostics;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.CBaseline;

/// <summary>The C program with an allocator preloaded.</summary>
internal sealed class CContender : IContender
{
    private const string Preload = "LD_PRELOAD";

    private readonly Process _process;
    private readonly string _what;

    public CContender(CProgram program, AllocatorEntry allocator, string[] arguments)
    {
        _what = $"{allocator.Name} in C, {string.Join(' ', arguments)}";
        var start = new ProcessStartInfo(program.Path, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true };
        // Also for the platform's own: this program may have been started with one preloaded.
        start.Environment[Preload] = allocator.Library ?? "";
        _process = Process.Start(start)!;
        try
        {
            string malloc = Answer<Ready>().Malloc;
            // The loader warns and goes on without a library that it does not find.
            if (allocator.Library is { } library && !Path.GetFileName(malloc).StartsWith(library, StringComparison.Ordinal))
                throw new WorkerException($"{library} was preloaded, but malloc comes from {malloc}.");
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
            _process.Kill();
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
