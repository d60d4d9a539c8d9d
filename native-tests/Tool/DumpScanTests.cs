using System.Runtime.InteropServices;
using SpanHeap.Guard.Records;
using SpanHeap.Tool;

namespace SpanHeap.Tests.Tool;

/// <summary>Finding records in a file of which nothing is known, here one that was made up.</summary>
public sealed class DumpScanTests
{
    private const int Chunk = 1 << 20;

    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    [InlineData(Chunk - 64)]
    [InlineData(Chunk - 56)]
    [InlineData(Chunk - 8)]
    [InlineData(Chunk)]
    [InlineData(Chunk + 8)]
    [InlineData((2 * Chunk) + 16)]
    public void A_record_is_found_at_any_word(int at)
    {
        byte[] file = Noise((2 * Chunk) + 123);
        Put(file, at, Record(sequence: 5));

        IReadOnlyList<GuardRecord> found = Find(file, 0x20010, out long all);

        Assert.Equal(5u, Assert.Single(found).Sequence);
        Assert.Equal(1, all);
    }

    [Fact]
    public void The_latest_event_comes_first_and_each_once()
    {
        byte[] file = new byte[4096];
        Put(file, 64, Record(sequence: 7));
        Put(file, 512, Record(sequence: 9));
        Put(file, 1024, Record(sequence: 7));
        Put(file, 4096 - 64, Record(sequence: 8));

        IReadOnlyList<GuardRecord> found = Find(file, 0x20000, out long all);

        Assert.Equal([9u, 8u, 7u], found.Select(static record => record.Sequence));
        Assert.Equal(4, all);
    }

    [Fact]
    public void A_block_is_known_by_all_of_its_span_and_its_guard_and_nothing_beside()
    {
        byte[] file = new byte[256];
        GuardRecord record = Record(sequence: 1);
        Put(file, 0, record);
        nint end = record.SpanBase + (nint)DumpScan.SpanBytes(record);

        Assert.Single(Find(file, record.SpanBase, out _));
        Assert.Single(Find(file, end - 1, out _));
        Assert.Empty(Find(file, record.SpanBase - 1, out _));
        Assert.Empty(Find(file, end, out long all));
        Assert.Equal(1, all);
    }

    [Fact]
    public void A_magic_number_without_a_record_is_passed_over()
    {
        byte[] file = new byte[200];
        GuardRecord broken = Record(sequence: 1);
        broken.State = (GuardState)77;
        Put(file, 0, broken);
        MemoryMarshal.Write(file.AsSpan(192), GuardRecord.RecordMagic);

        Assert.Empty(Find(file, 0x20010, out long all));
        Assert.Equal(0, all);
    }

    [Fact]
    public void An_empty_file_has_none() => Assert.Empty(Find([], 0x20010, out _));

    private static GuardRecord Record(ulong sequence) => new()
    {
        Magic = GuardRecord.RecordMagic,
        SpanBase = 0x20000,
        Address = 0x20fe0,
        ByteCount = 24,
        Sequence = sequence,
        State = GuardState.Freed,
        AllocThread = 3,
        FreeThread = 4,
    };

    private static void Put(byte[] file, int at, in GuardRecord record) => MemoryMarshal.Write(file.AsSpan(at), record);

    // No word of it is a magic: bytes of those are below 128.
    private static byte[] Noise(int bytes)
    {
        byte[] noise = new byte[bytes];
        Array.Fill(noise, (byte)0xA5);
        return noise;
    }

    private static IReadOnlyList<GuardRecord> Find(byte[] file, nint address, out long all)
    {
        using MemoryStream stream = new(file);
        return DumpScan.Find(stream, address, out all);
    }
}
