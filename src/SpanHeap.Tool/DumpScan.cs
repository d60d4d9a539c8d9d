using System.Runtime.InteropServices;
using SpanHeap.Guard.Protection;
using SpanHeap.Guard.Records;
using SpanHeap.Pages;

namespace SpanHeap.Tool;

/// <summary>
/// Finds records of guarded blocks in any file that contains the memory of a process, or in a <see cref="GuardRecordFile"/>. It finds them by their magic
/// number, whatever is around them.
/// </summary>
internal static class DumpScan
{
    // The bytes that are read at a time; a multiple of a word, because records begin at words.
    private const int ChunkBytes = 1 << 20;
    private const int Word = sizeof(ulong);

    /// <summary>The records whose span an address lies in, the latest event first.</summary>
    /// <param name="dump">From here to its end.</param>
    /// <param name="address">An address of the process that it was.</param>
    /// <param name="found">How many records there are, of any address.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IReadOnlyList<GuardRecord> Find(Stream dump, nint address, out long found)
    {
        // By the number of the event, which may be in a file twice: in the memory of the process, and in a file that the process has mapped.
        Dictionary<ulong, GuardRecord> covering = [];
        found = 0;
        byte[] buffer = new byte[ChunkBytes + GuardRecord.Size];
        int kept = 0;
        while (dump.ReadAtLeast(buffer.AsSpan(kept), ChunkBytes, throwOnEndOfStream: false) is var read && read > 0)
        {
            int length = kept + read;
            int at = 0;
            for (; TryFindMagic(buffer.AsSpan(at, length - at), out int offset); at += Word)
            {
                at += offset;
                if (length - at < GuardRecord.Size)
                {
                    break;
                }

                GuardRecord record = MemoryMarshal.Read<GuardRecord>(buffer.AsSpan(at));
                if (IsPlausible(record))
                {
                    found++;
                    if ((nuint)(address - record.SpanBase) < SpanBytes(record))
                    {
                        covering[record.Sequence] = record;
                    }
                }
            }

            kept = KeepTail(buffer, at, length);
        }

        return [.. covering.Values.OrderByDescending(static record => record.Sequence)];
    }

    /// <summary>Bytes of the span of a record, its guard included. (What was swept was whole pages and had no guard.)</summary>
    public static nuint SpanBytes(in GuardRecord record) =>
        (record.AllocThread == 0 ? PageGeometry.PagesFor(record.ByteCount) : GuardLayout.Of(record.ByteCount, 1, atStart: false).Pages) << PageGeometry.PageShift;

    private static bool TryFindMagic(ReadOnlySpan<byte> bytes, out int offset)
    {
        int word = MemoryMarshal.Cast<byte, ulong>(bytes).IndexOf(GuardRecord.RecordMagic);
        offset = word * Word;
        return word >= 0;
    }

    // A record may begin in this chunk and end in the next. What was searched already is not kept.
    private static int KeepTail(byte[] buffer, int lookedAt, int length)
    {
        int from = Math.Max(lookedAt, length - (length % Word) - (GuardRecord.Size - Word));
        from = Math.Clamp(from, 0, length);
        buffer.AsSpan(from, length - from).CopyTo(buffer);
        return length - from;
    }

    private static bool IsPlausible(in GuardRecord record) => record.State is > GuardState.None and <= GuardState.Swept && record.Address >= record.SpanBase;
}
