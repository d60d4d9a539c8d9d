using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.FastPath;

/// <summary>The machine code of one method, as the JIT prints it: labels at the margin, instructions indented.</summary>
internal sealed class JitListing
{
    private const string Heading = "; Assembly listing for method ";
    private const string Tier1 = " (Tier1)";
    private const string End = "; Total bytes of code";

    private readonly Dictionary<string, int> _labels = [];
    private readonly List<Instruction> _instructions = [];
    private readonly string[] _lines;

    private JitListing(string[] lines)
    {
        _lines = lines;
        foreach (string line in lines)
        {
            string code = line.Split(';')[0].TrimEnd();
            if (code.EndsWith(':'))
            {
                _labels[code[..^1]] = _instructions.Count;
            }
            else if (code.Length > 0)
            {
                _instructions.Add(new Instruction(code.Trim()));
            }
        }
    }

    /// <summary>In the order of their addresses.</summary>
    public IReadOnlyList<Instruction> Instructions => _instructions;

    /// <param name="jitOutput">All that the JIT printed.</param>
    /// <param name="method">The full name of the class, a colon, and the name of the method.</param>
    public static JitListing LastAtTier1(string[] jitOutput, string method)
    {
        int start = Array.FindLastIndex(jitOutput, line =>
            line.StartsWith($"{Heading}{method}(", StringComparison.Ordinal) && line.EndsWith(Tier1, StringComparison.Ordinal));
        int end = start < 0 ? -1 : Array.FindIndex(jitOutput, start, line => line.StartsWith(End, StringComparison.Ordinal));
        return end >= 0
            ? new JitListing(jitOutput[start..end])
            : throw new WorkerException($"The JIT printed no tier-1 listing of {method}. Is tiered compilation switched off?");
    }

    /// <summary>Gets the index of the instruction after a label; null when the label is not in this method.</summary>
    public int? Find(string label) => _labels.TryGetValue(label, out int index) ? index : null;

    public override string ToString() => string.Concat(_lines.Select(line => line + Environment.NewLine));
}
