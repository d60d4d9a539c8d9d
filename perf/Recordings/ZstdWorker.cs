using ZstdSharp;

namespace SpanHeap.Perf.Recordings;

/// <summary>
/// The child process that unpacks a zstd file to stdout. It is one of its own because the decompressor takes its windows from malloc, which
/// would change what the allocator of a process that is measured has seen before.
/// </summary>
internal static class ZstdWorker
{
    public const string Verb = "unzstd";

    public static int Run(string path)
    {
        using Stream output = Console.OpenStandardOutput();
        try
        {
            using DecompressionStream unpacked = new(File.OpenRead(path), leaveOpen: false);
            unpacked.CopyTo(output);
            return 0;
        }
        catch (Exception failure) when (failure is ZstdException or EndOfStreamException)
        {
            Console.Error.WriteLine(failure.Message);
            return 1;
        }
        catch (IOException)
        {
            // Whoever reads has read enough, and has closed the pipe.
            return 0;
        }
    }
}
