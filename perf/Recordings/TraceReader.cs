using System.Buffers.Text;
using SpanHeap.Perf.CommandLine;

namespace SpanHeap.Perf.Recordings;

/// <summary>
/// Reads a raw recording of heaptrack: <c>+ SIZE TRACE PTR</c> and <c>- PTR</c>, all in hex.
/// Its other lines (modules, stacks, time stamps) do not matter here.
/// </summary>
internal static class TraceReader
{
    /// <param name="path">The recording: plain, gzip or zstd.</param>
    /// <param name="maxOperations">Where to stop reading.</param>
    public static AllocationTrace Read(string path, int maxOperations = int.MaxValue)
    {
        var builder = new TraceBuilder();
        using TraceFile file = TraceFile.Open(path);
        var lines = new LineReader(file.Stream);
        try
        {
            while (builder.Count < maxOperations && lines.TryRead(out ReadOnlySpan<byte> line))
            {
                if (!TryApply(line, builder))
                {
                    throw new InputException($"{path}:{lines.Number}: malformed, expected '+ SIZE TRACE PTR' or '- PTR' in hex.");
                }
            }

            if (builder.Count < maxOperations)
            {
                file.CheckEnd(lines.Bytes);
            }
        }
        catch (Exception error) when (error is InvalidDataException or IOException)
        {
            throw new InputException($"{path}:{lines.Number + 1}: cannot be read any further: {error.Message}", error);
        }

        if (builder.Count == 0)
        {
            throw new InputException($"{path}:{lines.Number}: the trace ends here and holds no allocation.");
        }

        return builder.Build(TraceFile.NameOf(path));
    }

    private static bool TryApply(ReadOnlySpan<byte> line, TraceBuilder builder)
    {
        ulong address;
        switch (line)
        {
            case [(byte)'+', .. ReadOnlySpan<byte> rest]:
                if (!TryField(ref rest, out ulong size) || !TryField(ref rest, out _) || !TryField(ref rest, out address))
                {
                    return false;
                }

                if (!rest.IsEmpty || size > uint.MaxValue)
                {
                    return false;
                }

                builder.Alloc(address, (uint)size);
                return true;

            case [(byte)'-', .. ReadOnlySpan<byte> rest]:
                if (!TryField(ref rest, out address) || !rest.IsEmpty)
                {
                    return false;
                }

                builder.Free(address);
                return true;

            default:
                return true;
        }
    }

    private static bool TryField(ref ReadOnlySpan<byte> rest, out ulong value)
    {
        value = 0;
        if (rest is not [(byte)' ', ..] || !Utf8Parser.TryParse(rest[1..], out value, out int length, 'x'))
        {
            return false;
        }

        rest = rest[(1 + length)..];
        return true;
    }
}
