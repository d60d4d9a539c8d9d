using System.Globalization;
using SpanHeap.Guard.Records;

namespace SpanHeap.Tool;

/// <summary>Describes a record of a guarded block in words.</summary>
internal static class GuardRecordText
{
    /// <summary>Returns several lines. The first says where the address lies relative to the block.</summary>
    public static string Describe(in GuardRecord record, nint address) => string.Create(CultureInfo.InvariantCulture, $"""
        0x{address:x} is {Place(record, address)} a {Name(record.State)} block of {record.ByteCount} bytes at 0x{record.Address:x}
          event       {record.Sequence}, at {record.Time} ms of the system's clock
          allocated   {Thread(record.AllocThread, record.AllocStack)}
          {(record.State == GuardState.Swept ? "swept    " : "freed    ")}   {Thread(record.FreeThread, record.FreeStack)}
          span        0x{record.SpanBase:x} to 0x{record.SpanBase + (nint)DumpScan.SpanBytes(record):x}
        """);

    private static string Name(GuardState state) => state switch
    {
        GuardState.Live => "live",
        GuardState.Freed => "freed",
        GuardState.Swept => "swept",
        _ => "unknown",
    };

    private static string Place(in GuardRecord record, nint address)
    {
        nint offset = address - record.Address;
        return offset < 0 ? Bytes(-offset, "before the start of")
            : (nuint)offset < record.ByteCount ? Bytes(offset, "into")
            : Bytes(offset - (nint)record.ByteCount, "past the end of");
    }

    private static string Bytes(nint count, string where) => string.Create(CultureInfo.InvariantCulture, $"{count} bytes {where}");

    private static string Thread(int thread, int stack) => thread == 0 ? "-"
        : stack == 0 ? string.Create(CultureInfo.InvariantCulture, $"by thread {thread}")
        : string.Create(CultureInfo.InvariantCulture, $"by thread {thread}, stack {stack}");
}
