using System.Globalization;
using System.Text;
using SpanHeap.Guard.Records;
using SpanHeap.Os;

namespace SpanHeap.Guard;

/// <summary>Groups a heap's live guarded blocks by the stack that allocated them, and writes the report about them.</summary>
internal static class GuardLeaks
{
    /// <summary>Writes the report to the error stream, unless there are no groups.</summary>
    public static void Report(string heap, IReadOnlyList<LiveBlockGroup> groups)
    {
        if (groups.Count > 0)
        {
            ErrorStream.WriteLine(Describe(heap, groups));
        }
    }

    // Further groups are only counted, because the largest ones say what is wrong.
    private const int GroupsShown = 20;

    /// <summary>Groups the records of live blocks: the group with the most bytes is first.</summary>
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

    /// <summary>Gets the text of the report.</summary>
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
