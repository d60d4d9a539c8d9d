using System.Globalization;
using System.Text;
using SpanHeap.Os;

namespace SpanHeap.Guarding;

/// <summary>Writes what a heap's guarded blocks that live are, grouped by the stack that allocated them.</summary>
internal static class GuardLeaks
{
    /// <summary>Writes the report, if there is anything to say.</summary>
    public static void Report(GuardHeap guard, string heap)
    {
        IReadOnlyList<LiveBlockGroup> groups = guard.LiveBlocks();
        if (groups.Count > 0)
        {
            ErrorStream.WriteLine(Describe(heap, groups));
        }
    }

    // More groups than these are summed up: the largest say what is wrong.
    private const int GroupsShown = 20;

    /// <summary>The groups, by bytes, largest first.</summary>
    public static IReadOnlyList<LiveBlockGroup> Group(IEnumerable<GuardRecord> live)
    {
        Dictionary<int, (long Blocks, long Bytes)> sums = [];
        foreach (GuardRecord record in live)
        {
            (long blocks, long bytes) = sums.GetValueOrDefault(record.AllocStack);
            sums[record.AllocStack] = (blocks + 1, bytes + (long)record.ByteCount);
        }

        List<LiveBlockGroup> groups = [];
        foreach ((int stack, (long blocks, long bytes)) in sums)
        {
            groups.Add(new LiveBlockGroup(blocks, bytes, StackDepot.Describe(stack)));
        }

        groups.Sort(static (a, b) => b.Bytes != a.Bytes ? b.Bytes.CompareTo(a.Bytes) : b.Blocks.CompareTo(a.Blocks));
        return groups;
    }

    public static string Describe(string heap, IReadOnlyList<LiveBlockGroup> groups)
    {
        long blocks = 0;
        long bytes = 0;
        foreach (LiveBlockGroup group in groups)
        {
            blocks += group.Blocks;
            bytes += group.Bytes;
        }

        StringBuilder text = new($"SpanHeap: {blocks} guarded blocks, together {bytes} bytes, were not freed in the heap '{heap}'.");
        for (int i = 0; i < groups.Count && i < GroupsShown; i++)
        {
            text.AppendLine().Append(CultureInfo.InvariantCulture, $"{groups[i].Blocks} blocks, {groups[i].Bytes} bytes, allocated:");
            text.AppendLine().Append((groups[i].AllocationStack ?? "   (no stack was kept)").TrimEnd());
        }

        if (groups.Count > GroupsShown)
        {
            text.AppendLine().Append(CultureInfo.InvariantCulture, $"and {groups.Count - GroupsShown} more places.");
        }

        return text.ToString();
    }
}
