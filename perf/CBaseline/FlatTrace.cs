using System.Buffers.Binary;
using System.CommandLine;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Recordings;

namespace SpanHeap.Perf.CBaseline;

/// <summary>
/// A trace as the C program maps it, little-endian: the magic, the number of slots, the number of steps, then eight bytes a
/// step: the slot shifted left by one with the lowest bit set in a free, and the size.
/// </summary>
internal static class FlatTrace
{
    private const int WordSize = sizeof(uint);

    private static ReadOnlySpan<byte> Magic => "SHTRACE1"u8;

    /// <summary>Declares <c>perf -- export-trace FILE OUT</c>.</summary>
    public static Command Declare()
    {
        Argument<string> file = new("FILE");
        Argument<string> output = new("OUT");
        Command command = new("export-trace") { file, output };
        command.SetAction(line => Write(TraceReader.Read(line.GetRequiredValue(file)), line.GetRequiredValue(output)));
        return command;
    }

    /// <summary>Writes a recording into a folder, unless that has been done. Returns the path of the file.</summary>
    public static string For(string folder, string recording)
    {
        string name = TraceFile.NameOf(recording);
        string flat = Path.Combine(folder, name + ".flat");
        if (!File.Exists(flat))
        {
            Progress.Show($"{name}: written in the form that the C program reads");
            Write(TraceReader.Read(recording), flat);
        }

        return flat;
    }

    public static void Write(AllocationTrace trace, string output)
    {
        try
        {
            using var stream = new BufferedStream(File.Create(output));
            stream.Write(Magic);
            WriteWord(stream, (uint)trace.SlotCount);
            WriteWord(stream, (uint)trace.Operations.Length);
            foreach (Operation operation in trace.Operations)
            {
                WriteWord(stream, (operation.Slot << 1) | (operation.IsAlloc ? 0u : 1u));
                WriteWord(stream, operation.Size);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{output}: {error.Message}", error);
        }
    }

    private static void WriteWord(Stream stream, uint value)
    {
        Span<byte> bytes = stackalloc byte[WordSize];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        stream.Write(bytes);
    }
}
