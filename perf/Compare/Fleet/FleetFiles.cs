using System.Globalization;
using SpanHeap.Perf.CommandLine;

namespace SpanHeap.Perf.Compare.Fleet;

/// <summary>The rows <c>fleet-N</c>, from the profiles that Google publishes in fleetbench and that the user brings.</summary>
internal static class FleetFiles
{
    public const string Option = "--fleet";

    /// <summary>What keys of these rows begin with.</summary>
    public const string Prefix = "fleet:";

    /// <summary>What names of these rows begin with.</summary>
    public const string NamePrefix = "fleet-";

    private const string FilePrefix = "TCMALLOC_";
    private const string Pattern = FilePrefix + "*.csv";

    /// <summary>
    /// Those that differ most in the sizes that are asked for, in where the live bytes are and in how long blocks live: 1 has the smallest blocks,
    /// 5 is the one that fleetbench runs by itself, 6 asks for 1 KiB and more in a tenth of all cases, 7 has most bytes in 4 to 32 KiB, 8 in 2 MiB.
    /// </summary>
    private static readonly int[] s_chosen = [1, 5, 6, 7, 8];

    /// <summary>How to get the profiles.</summary>
    public static string Source => $"git clone https://github.com/google/fleetbench, then {Option} fleetbench";

    /// <summary>The rows of the files in a directory, or in the place of a clone of fleetbench where they are.</summary>
    public static IReadOnlyList<WorkloadEntry> Entries(string? directory)
    {
        if (directory is null)
        {
            return [];
        }

        if (!Directory.Exists(directory))
        {
            throw new InputException($"{Option}: there is no directory {directory}. To get one: {Source}.");
        }

        string[] places = [directory, Path.Combine(directory, "fleetbench", "tcmalloc", "distributions")];
        string[] files = [.. places.Where(Directory.Exists).SelectMany(place => Directory.GetFiles(place, Pattern))];
        return files.Length > 0
            ? [.. files.Select(file => Entry(Path.GetFullPath(file))).OrderBy(entry => entry.Name.Length).ThenBy(entry => entry.Name, StringComparer.Ordinal)]
            : throw new InputException($"{Option}: no file {Pattern} in {string.Join(" or ", places)}. To get them: {Source}.");
    }

    /// <summary>Gets whether a row is one of these.</summary>
    public static bool IsFleet(WorkloadEntry entry) => entry.Key.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>The row of a file.</summary>
    public static WorkloadEntry Entry(string path)
    {
        string number = Path.GetFileNameWithoutExtension(path)[FilePrefix.Length..];
        FleetProfile? read = null;
        return new WorkloadEntry(NamePrefix + number, "fleetbench: sizes, rates and lives of a service of Google's, 64 MiB live", [1], _ =>
            new FleetService(read ??= FleetProfile.Read(path)))
        {
            Key = Prefix + path,
            OnRequest = !s_chosen.Any(chosen => chosen.ToString(CultureInfo.InvariantCulture) == number),
        };
    }
}
