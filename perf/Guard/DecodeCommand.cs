using System.Globalization;
using SpanHeap.Guarding;
using SpanHeap.Perf.CommandLine;

namespace SpanHeap.Perf.Guard;

/// <summary><c>perf -- guard decode</c>: the records of a guarded block in what a process has left.</summary>
internal static class DecodeCommand
{
    private const int NotFound = 1;

    public static int Run(Arguments arguments)
    {
        arguments.RefuseTheRest();
        if (arguments.Positional is not [var file, var text])
            throw new InputException($"guard decode needs a file and an address.\n\n{Usage.Text}");

        nint address = ParseAddress(text);
        IReadOnlyList<GuardRecord> records = Read(file, address, out long found);
        foreach (GuardRecord record in records)
            Console.WriteLine(GuardRecordText.Describe(record, address));

        if (records.Count > 0)
            return 0;
        Console.WriteLine(found == 0
            ? "The file has no records of guarded blocks."
            : $"No guarded block was at 0x{address:x}: the file has {found} records, all of other addresses.");
        return NotFound;
    }

    private static nint ParseAddress(string text)
    {
        string digits = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text[2..] : text;
        return nint.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out nint address)
            ? address
            : throw new InputException($"guard decode: '{text}' is not an address; one is hexadecimal, as 0x7f104c208fe4.");
    }

    private static IReadOnlyList<GuardRecord> Read(string file, nint address, out long found)
    {
        try
        {
            using FileStream dump = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
            return DumpScan.Find(dump, address, out found);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new InputException($"guard decode: '{file}' cannot be read: {failure.Message}", failure);
        }
    }
}
