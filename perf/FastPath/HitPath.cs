using System.Text;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.FastPath;

/// <summary>
/// The way through a method that calls nothing managed: from the entry to a return. At a conditional jump it falls
/// through where that leads to such a return, and jumps where only that does.
/// </summary>
internal sealed class HitPath
{
    private readonly JitListing _listing;
    // Found from its end, so the entry is on top.
    private readonly Stack<Instruction> _steps = [];
    private readonly HashSet<int> _tried = [];

    private HitPath(JitListing listing) => _listing = listing;

    public string Summary =>
        $"{Count(_steps.Count, "instruction")}, {Count(Loads, "load")}, {Count(Stores, "store")}, {Count(Calls, "call")}"
        + (Calls == 1 ? " (thread-local address)" : "");

    private int Loads => _steps.Count(instruction => instruction.IsLoad);

    private int Stores => _steps.Count(instruction => instruction.IsStore);

    private int Calls => _steps.Count(instruction => instruction.IsCall);

    public static HitPath Through(JitListing listing)
    {
        var path = new HitPath(listing);
        return path.Returns(0) ? path : throw new WorkerException($"No path without a slow call was found in:\n{listing}");
    }

    /// <summary>The instructions of the path, each with what is counted of it.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (Instruction instruction in _steps)
        {
            string counted = string.Join(", ", Kinds(instruction));
            text.AppendLine(counted.Length > 0 ? $"       {instruction.Text,-40} ; {counted}" : $"       {instruction.Text}");
        }

        return text.ToString();
    }

    private static IEnumerable<string> Kinds(Instruction instruction)
    {
        if (instruction.IsLoad)
        {
            yield return "load";
        }

        if (instruction.IsStore)
        {
            yield return "store";
        }

        if (instruction.IsCall)
        {
            yield return "call";
        }
    }

    private static string Count(int count, string what) => count == 1 ? $"1 {what}" : $"{count} {what}s";

    // Whether a hit comes from here to a return.
    private bool Returns(int? at)
    {
        if (at is not { } index || index >= _listing.Instructions.Count || !_tried.Add(index))
        {
            return false;
        }

        Instruction instruction = _listing.Instructions[index];
        bool returns = !instruction.IsManagedCall
            && (instruction.IsReturn
                || (!instruction.IsJump && Returns(index + 1))
                || ((instruction.IsJump || instruction.IsConditionalJump) && Returns(_listing.Find(instruction.Target))));
        if (returns)
        {
            _steps.Push(instruction);
        }

        return returns;
    }
}
