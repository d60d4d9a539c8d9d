using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace SpanHeap.Guarding;

/// <summary>Says of a bad pointer all that is known of the guarded block it came from.</summary>
internal static class GuardError
{
    /// <exception cref="HeapCorruptionException">Always.</exception>
    [DoesNotReturn]
    public static void Throw(MisuseKind kind, in GuardFinding finding)
    {
        string message = kind switch
        {
            MisuseKind.Overflow => $"0x{finding.Address:x} was written to behind its end: the first changed byte is {Behind(finding)} bytes behind it.",
            MisuseKind.Underflow => $"0x{finding.Address:x} was written to before its start: the first changed byte is {finding.Address - finding.Damage} bytes before it.",
            MisuseKind.InteriorPointer when IsOutside(finding) => $"0x{finding.Address:x} is not the start of a block, and lies beside the one that has its page. " +
                "If it was freed long ago, others have its addresses by now: a larger GuardBudget keeps it longer.",
            _ => MisuseMessage.For(finding.Address, kind),
        };
        throw Make(message, kind, finding.Address, finding.Record);
    }

    /// <summary>An exception about a pointer into or beside a guarded block.</summary>
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

    private static nint Behind(in GuardFinding finding) => finding.Damage - finding.Address - (nint)finding.Record.ByteCount;

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
