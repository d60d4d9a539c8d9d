using System.Globalization;

namespace SpanHeap.Consumers.Measurements;

/// <summary>Prints a table in Markdown whose columns are aligned.</summary>
internal static class MeasurementTable
{
    private const int RowWidth = 29;
    private const int ValueWidth = 10;
    private const int RatioWidth = 20;

    public static void PrintHead()
    {
        PrintLine("row", "own", "heap", "ratio (least, most)", "goal");
        Console.WriteLine($"| {new string('-', RowWidth)} | {Rule(ValueWidth)} | {Rule(ValueWidth)} | {Rule(RatioWidth)} | --- |");
    }

    /// <summary>Prints why there are no values.</summary>
    public static void PrintMissing(string row, string why) => PrintLine(row, "-", "-", "-", why);

    /// <summary>Prints a line for each figure: medians of the values, and the median of the rounds' ratios.</summary>
    public static void Print(Measurement measurement, IReadOnlyList<MeasuredRound> rounds)
    {
        for (int i = 0; i < measurement.Figures.Count; i++)
        {
            int index = i;
            Figure figure = measurement.Figures[i];
            string own = measurement.HasOwn ? Value(rounds.Select(round => round.Own![index]), figure.Unit) : "-";
            string heap = Value(rounds.Select(round => round.Heap[index]), figure.Unit);
            string ratio = measurement.HasOwn ? Ratio([.. rounds.Select(round => round.Heap[index] / round.Own![index])]) : "-";
            PrintLine(figure.Name.Length == 0 ? measurement.Name : $"{measurement.Name}: {figure.Name}", own, heap, ratio, figure.Goal);
        }
    }

    private static void PrintLine(string row, string own, string heap, string ratio, string goal) =>
        Console.WriteLine($"| {row,-RowWidth} | {own,ValueWidth} | {heap,ValueWidth} | {ratio,RatioWidth} | {goal} |");

    private static string Rule(int width) => $"{new string('-', width - 1)}:";

    private static string Value(IEnumerable<double> values, string unit)
    {
        double median = Median.Of(values);
        return $"{median.ToString(median < 100 ? "0.#" : "0", CultureInfo.InvariantCulture)} {unit}".TrimEnd();
    }

    // Of numbers that are 0 there is no ratio.
    private static string Ratio(double[] ratios) => Array.TrueForAll(ratios, double.IsFinite)
        ? string.Create(CultureInfo.InvariantCulture, $"{Median.Of(ratios):0.00} ({ratios.Min():0.00}, {ratios.Max():0.00})")
        : "-";
}
