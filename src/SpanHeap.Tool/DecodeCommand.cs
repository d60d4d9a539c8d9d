using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using SpanHeap.Guard.Records;

namespace SpanHeap.Tool;

/// <summary>The command <c>decode FILE ADDRESS</c>: the records of a guarded block in what a process has left.</summary>
internal static class DecodeCommand
{
    private const int Found = 0;
    private const int NotFound = 1;
    private const int Unreadable = 2;

    /// <summary>Declares the command for the command line of a program.</summary>
    public static Command Declare()
    {
        Argument<string> file = new("FILE") { Description = "A dump of the process, or the file that GuardOptions.RecordFile names." };
        Argument<nint> address = new("ADDRESS")
        {
            Description = "The address as a report gives it, in hexadecimal.",
            CustomParser = ParseAddress,
        };
        Command command = new("decode", "Tells what is known of the guarded block at an address, from a file that a process has left.") { file, address };
        command.SetAction(line => Run(line.GetRequiredValue(file), line.GetRequiredValue(address)));
        return command;
    }

    private static int Run(string file, nint address)
    {
        IReadOnlyList<GuardRecord> records;
        long count;
        try
        {
            // Not buffered: the scan reads a mebibyte at a time.
            using FileStream dump = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
            records = DumpScan.Find(dump, address, out count);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            Console.Error.WriteLine($"decode: '{file}' cannot be read: {failure.Message}");
            return Unreadable;
        }

        foreach (GuardRecord record in records)
        {
            Console.WriteLine(GuardRecordText.Describe(record, address));
        }

        if (records.Count > 0)
        {
            return Found;
        }

        Console.WriteLine(count == 0
            ? "The file has no records of guarded blocks."
            : $"No guarded block was at 0x{address:x}: the file has {count} records, all of other addresses.");
        return NotFound;
    }

    private static nint ParseAddress(ArgumentResult argument)
    {
        string text = argument.Tokens[0].Value;
        string digits = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text[2..] : text;
        if (!nint.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out nint address))
        {
            argument.AddError($"decode: '{text}' is not an address; one is hexadecimal, as 0x7f104c208fe4.");
        }

        return address;
    }
}
