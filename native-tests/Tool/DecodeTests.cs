using System.Globalization;
using SpanHeap.Tests.Guard;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Tool;

/// <summary><c>spanheap decode</c>, run as a user runs it, on what a process with guarded blocks has left.</summary>
public sealed unsafe class DecodeTests : IDisposable
{
    private const string PathVariable = "SPANHEAP_TEST_RECORD_FILE";
    private const int Found = 0;
    private const int NotFound = 1;
    private const int Misused = 2;

    private readonly string _directory = Directory.CreateTempSubdirectory("spanheap").FullName;

    private string Records => Path.Combine(_directory, "records");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_block_of_a_process_that_has_ended_is_told_by_an_address_in_it()
    {
        ChildProgram.Result child = ChildProgram.Run(LeaveRecords, (PathVariable, Records));
        nint block = GuardFaults.BlockOf(child.Output)!.Value;

        ChildProgram.Result decoded = Decode(Records, $"0x{block + 4:x}");

        Assert.Equal(Found, decoded.ExitCode);
        Assert.StartsWith($"0x{block + 4:x} is 4 bytes into a freed block of 24 bytes at 0x{block:x}", decoded.Output, StringComparison.Ordinal);
        Assert.Empty(decoded.Error);
    }

    [Fact]
    public void An_address_may_be_written_without_its_prefix()
    {
        ChildProgram.Result child = ChildProgram.Run(LeaveRecords, (PathVariable, Records));
        nint block = GuardFaults.BlockOf(child.Output)!.Value;

        Assert.Equal(Found, Decode(Records, block.ToString("X", CultureInfo.InvariantCulture)).ExitCode);
    }

    [Fact]
    public void An_address_of_no_block_is_not_found_among_the_records_of_others()
    {
        ChildProgram.Run(LeaveRecords, (PathVariable, Records));

        ChildProgram.Result decoded = Decode(Records, "0x10");

        Assert.Equal(NotFound, decoded.ExitCode);
        Assert.Equal("No guarded block was at 0x10: the file has 2 records, all of other addresses.", decoded.Output.Trim());
    }

    [Fact]
    public void A_file_without_records_has_nothing_to_tell()
    {
        File.WriteAllText(Records, "There is no record in this file.");

        ChildProgram.Result decoded = Decode(Records, "0x10");

        Assert.Equal(NotFound, decoded.ExitCode);
        Assert.Equal("The file has no records of guarded blocks.", decoded.Output.Trim());
    }

    [Fact]
    public void A_file_that_cannot_be_read_is_named()
    {
        string missing = Path.Combine(_directory, "missing");

        ChildProgram.Result decoded = Decode(missing, "0x10");

        Assert.Equal(Misused, decoded.ExitCode);
        Assert.Contains($"'{missing}' cannot be read", decoded.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_that_is_no_address_is_refused_with_an_example_of_one()
    {
        File.WriteAllText(Records, "");

        ChildProgram.Result decoded = Decode(Records, "block");

        Assert.Equal(Misused, decoded.ExitCode);
        Assert.Contains("'block' is not an address; one is hexadecimal, as 0x", decoded.Error, StringComparison.Ordinal);
    }

    // Ends as a process does that forgets its heap: the file must be readable all the same.
    private static void LeaveRecords()
    {
        NativeHeap heap = new(new NativeHeapOptions
        {
            Guard = { Mode = GuardMode.All, RecordFile = Environment.GetEnvironmentVariable(PathVariable)! },
            ScavengeDelay = Timeout.InfiniteTimeSpan,
        });
        void* block = heap.Alloc(24);
        Console.WriteLine($"block {(nint)block:x}");
        heap.Free(block);
    }

    private static ChildProgram.Result Decode(string file, string address) =>
        ChildProgram.RunAssembly(typeof(SpanHeap.Tool.DumpScan).Assembly.Location, ["decode", file, address]);
}
