using SpanHeap.Guard.Records;
using SpanHeap.Tests.Support;
using SpanHeap.Tool;

namespace SpanHeap.Tests.Guard.Records;

/// <summary>Events of guarded blocks in a file, of which some must be read when the process is gone.</summary>
public sealed unsafe class GuardRecordFileTests : IDisposable
{
    private const string PathVariable = "SPANHEAP_TEST_RECORD_FILE";

    private readonly string _directory = Directory.CreateTempSubdirectory("spanheap").FullName;

    private string Path => System.IO.Path.Combine(_directory, "records");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Allocations_and_frees_are_noted_under_their_numbers()
    {
        nint block;
        using (NativeHeap heap = Make(Path))
        {
            block = (nint)heap.Alloc(24);
            heap.Free((void*)block);
        }

        IReadOnlyList<GuardRecord> records = Find(block + 4);
        Assert.Equal([GuardState.Freed, GuardState.Live], records.Select(static record => record.State));
        Assert.All(records, record => Assert.Equal(block, record.Address));
        Assert.All(records, static record => Assert.Equal(24u, record.ByteCount));
        Assert.True(records[0].Sequence > records[1].Sequence);
        Assert.Equal(Environment.CurrentManagedThreadId, records[0].FreeThread);
    }

    [Fact]
    public void A_record_takes_the_place_of_the_one_a_round_before()
    {
        using (GuardRecordFile file = GuardRecordFile.Create(Path))
        {
            for (ulong sequence = 1; sequence <= GuardRecordFile.Capacity + 1; sequence++)
            {
                file.Note(new GuardRecord { Magic = GuardRecord.RecordMagic, Address = 0x10000, SpanBase = 0x10000, State = GuardState.Live, AllocThread = 1, Sequence = sequence });
            }
        }

        IReadOnlyList<GuardRecord> records = Find(0x10000);
        Assert.Equal(GuardRecordFile.Capacity, records.Count);
        Assert.Equal(GuardRecordFile.Capacity + 1UL, records[0].Sequence);
        Assert.Equal(2UL, records[^1].Sequence);
    }

    [Fact]
    public void What_a_crashed_process_has_noted_can_be_read()
    {
        ChildProgram.Result child = ChildProgram.Run(Crash, (PathVariable, Path));

        nint block = GuardFaults.BlockOf(child.Output)!.Value;
        GuardRecord last = Find(block + 4)[0];
        Assert.Equal(GuardState.Freed, last.State);
        Assert.Equal(24u, last.ByteCount);
        Assert.Contains($"0x{block + 4:x} is 4 bytes into a freed block of 24 bytes at 0x{block:x}", GuardRecordText.Describe(last, block + 4), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_cannot_be_written_is_refused_before_there_is_a_heap()
    {
        string nowhere = System.IO.Path.Combine(_directory, "missing", "records");

        IOException refusal = Assert.Throws<IOException>(() => Make(nowhere));

        Assert.Contains("Guard.RecordFile", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(nowhere, refusal.Message, StringComparison.Ordinal);
        Assert.Throws<IOException>(() => Make(""));
        Assert.Throws<IOException>(() => Make(_directory));
    }

    [Fact]
    public void A_file_is_one_heaps_until_that_is_disposed()
    {
        using (NativeHeap heap = Make(Path))
        {
            heap.Free(heap.Alloc(1));
            Assert.Throws<IOException>(() => Make(Path));
            heap.Free(heap.Alloc(1));
        }

        using NativeHeap next = Make(Path);
        next.Verify();
    }

    private static void Crash()
    {
        NativeHeap heap = Make(Environment.GetEnvironmentVariable(PathVariable)!);
        byte* block = (byte*)heap.Alloc(24);
        Console.WriteLine($"block {(nint)block:x}");
        heap.Free(block);
        block[4] = 1;
    }

    private static NativeHeap Make(string path) =>
        new(new NativeHeapOptions { Guard = { Mode = GuardMode.All, RecordFile = path }, ScavengeDelay = Timeout.InfiniteTimeSpan });

    private IReadOnlyList<GuardRecord> Find(nint address)
    {
        using FileStream file = File.OpenRead(Path);
        return DumpScan.Find(file, address, out _);
    }
}
