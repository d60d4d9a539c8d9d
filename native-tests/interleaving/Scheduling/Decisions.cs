using System.Globalization;

namespace SpanHeap.Tests.Interleaving.Scheduling;

/// <summary>Which thread went on, each time that more than one could have: all that a schedule is.</summary>
internal static class Decisions
{
    /// <summary>Thread numbers, those that repeat written once: <c>0x12 1 0x3</c>.</summary>
    public static string Write(IReadOnlyList<int> decisions)
    {
        List<string> parts = [];
        for (int from = 0; from < decisions.Count;)
        {
            int to = from;
            while (to < decisions.Count && decisions[to] == decisions[from])
            {
                to++;
            }

            parts.Add(to - from == 1 ? $"{decisions[from]}" : $"{decisions[from]}x{to - from}");
            from = to;
        }

        return string.Join(' ', parts);
    }

    public static List<int> Read(string text)
    {
        List<int> decisions = [];
        foreach (string part in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] pair = part.Split('x');
            int count = pair.Length == 1 ? 1 : int.Parse(pair[1], CultureInfo.InvariantCulture);
            decisions.AddRange(Enumerable.Repeat(int.Parse(pair[0], CultureInfo.InvariantCulture), count));
        }

        return decisions;
    }
}
