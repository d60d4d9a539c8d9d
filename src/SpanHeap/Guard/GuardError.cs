using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using SpanHeap.Contract;
using SpanHeap.Guard.Records;

namespace SpanHeap.Guard;

/// <summary>Makes exceptions for bad pointers. Each says everything that is known about the guarded block that the pointer came from.</summary>
internal static class GuardError
{
    /// <summary>Throws an exception that describes what was found at an address.</summary>
    /// <exception cref="HeapCorruptionException">Always.</exception>
    [DoesNotReturn]
    public static void Throw(MisuseKind kind, in GuardFinding finding)
    {
        string message = kind switch
        {
            MisuseKind.Overflow => $"0x{finding.Address:x} was written to past its end: the first changed byte is {PastEnd(finding)} bytes past the end.",
            MisuseKind.Underflow => $"0x{finding.Address:x} was written to before its start: the first changed byte is {finding.Address - finding.Damage} bytes before the start.",
            MisuseKind.InteriorPointer when IsOutside(finding) => $"0x{finding.Address:x} is not the start of a block and lies outside the block of its page. " +
                "If its block was freed long ago, another block has the address by now: a larger Guard.BudgetBytes keeps freed blocks longer.",
            _ => MisuseMessage.For(finding.Address, kind),
        };
        throw Make(message, kind, finding.Address, finding.Record);
    }

    /// <summary>Makes an exception for a pointer into or beside a guarded block.</summary>
    public static HeapCorruptionException Make(string message, MisuseKind kind, nint address, in GuardRecord record)
    {
        if (record.State == GuardState.None)
        {
            return new HeapCorruptionException(message, address, kind);
        }

        string? allocated = StackDepot.Describe(record.AllocStack);
        string? freed = StackDepot.Describe(record.FreeStack);
        StringBuilder text = new(message);
        text.Append(CultureInfo.InvariantCulture, $" The block: {record.ByteCount} bytes at 0x{record.Address:x}");
        if (record.AllocThread != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $", allocated by thread {record.AllocThread}");
        }

        if (record.FreeThread != 0)
        {
            text.Append(CultureInfo.InvariantCulture, $", {(record.State == GuardState.Swept ? "swept" : "freed")} by thread {record.FreeThread}");
        }

        text.Append(CultureInfo.InvariantCulture, $" (event {record.Sequence}).");
        AppendStack(text, "Allocated", allocated);
        AppendStack(text, "Freed", freed);
        return new HeapCorruptionException(text.ToString(), address, kind)
        {
            Block = new BlockInfo(record.Address, record.ByteCount, 0, record.State == GuardState.Live ? BlockState.Allocated : BlockState.Free),
            AllocationThread = record.AllocThread,
            FreeThread = record.FreeThread,
            AllocationStack = allocated,
            FreeStack = freed,
        };
    }

    private static bool IsOutside(in GuardFinding finding) =>
        finding.Address < finding.Record.Address || (nuint)(finding.Address - finding.Record.Address) >= finding.Record.ByteCount;

    private static nint PastEnd(in GuardFinding finding) => finding.Damage - finding.Address - (nint)finding.Record.ByteCount;

    private static void AppendStack(StringBuilder text, string what, string? stack)
    {
        if (stack != null)
        {
            text.AppendLine().Append(what).Append(':');
            foreach (string line in stack.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                text.AppendLine().Append("   ").Append(line);
            }
        }
    }
}
