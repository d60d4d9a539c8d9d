using System.Globalization;

namespace SpanHeap.Consumers.Measurements;

/// <summary>What the command line of <c>measure</c> says.</summary>
/// <param name="Measurements">What is measured.</param>
/// <param name="Rounds">How many processes measure each variant.</param>
/// <param name="Scale">How much work each of them does.</param>
internal sealed record MeasureOptions(IReadOnlyList<Measurement> Measurements, int Rounds, Scale Scale)
{
    private const int DefaultRounds = 5;

    /// <summary>Reads a command line: names, and options that are followed by their value.</summary>
    /// <exception cref="ArgumentException">It does not say what there is.</exception>
    public static MeasureOptions Parse(IEnumerable<string> arguments)
    {
        Queue<string> left = new(arguments);
        List<Measurement> measurements = [];
        int rounds = DefaultRounds;
        Scale scale = new(1);
        while (left.TryDequeue(out string? argument))
        {
            switch (argument)
            {
                case "--rounds":
                    rounds = ParseRounds(ValueOf(argument, left));
                    break;
                case "--scale":
                    scale = Scale.Parse(ValueOf(argument, left));
                    break;
                default:
                    measurements.Add(MeasurementCatalog.Find(argument));
                    break;
            }
        }

        return new(measurements.Count == 0 ? MeasurementCatalog.All : measurements, rounds, scale);
    }

    private static string ValueOf(string option, Queue<string> left) =>
        left.TryDequeue(out string? value) ? value : throw new ArgumentException($"{option} needs a value.");

    private static int ParseRounds(string text) =>
        int.TryParse(text, CultureInfo.InvariantCulture, out int rounds) && rounds > 0
            ? rounds
            : throw new ArgumentException($"{text} is not a number of rounds.");
}
