using System.Globalization;

namespace SpanHeap.Contract;

/// <summary>Writes numbers as people read them, whatever the culture.</summary>
internal static class Readable
{
    private const double UnitsPerUnit = 1024;

    private static readonly string[] s_units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    /// <summary>Writes bytes in the largest unit of which there is at least one, with at most one decimal: <c>1.5 MiB</c>.</summary>
    public static string Bytes(long bytes)
    {
        double number = bytes;
        int unit = 0;
        while (Math.Abs(number) >= UnitsPerUnit)
        {
            number /= UnitsPerUnit;
            unit++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{number:0.#} {s_units[unit]}");
    }

    /// <summary>Writes a number of things: <c>1 block</c>, <c>2 blocks</c>.</summary>
    public static string Count(long number, string thing) => string.Create(CultureInfo.InvariantCulture, $"{number} {thing}{(number == 1 ? "" : "s")}");
}
