using System.Buffers.Binary;
using SpanHeap.Perf.CommandLine;
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

    /// <summary><c>perf -- export-trace FILE OUT</c>.</summary>
    public static int Export(string path, string output)
    {
        Write(TraceReader.Read(path), output);
        return 0;
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
