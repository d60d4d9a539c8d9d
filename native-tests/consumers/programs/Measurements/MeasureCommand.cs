namespace SpanHeap.Consumers.Measurements;

/// <summary>
/// Measures in processes of their own, so that one measurement has no effect on another. The variants take turns, so that other load of the
/// machine affects both.
/// </summary>
internal static class MeasureCommand
{
    /// <summary>The exit code for a command line that cannot be understood.</summary>
    private const int BadUsage = 2;

    /// <summary>Prints a table, a line as soon as it has been measured.</summary>
    /// <returns>The exit code of the program.</returns>
    public static int Run(IEnumerable<string> arguments)
    {
        MeasureOptions options;
        try
        {
            options = MeasureOptions.Parse(arguments);
        }
        catch (ArgumentException error)
        {
            Console.Error.WriteLine(error.Message);
            Console.Error.WriteLine("measure [NAME...] [--rounds N] [--scale PART]");
            return BadUsage;
        }

        MeasurementTable.PrintHead();
        foreach (Measurement measurement in options.Measurements)
        {
            if (measurement.Missing is { } missing)
            {
                MeasurementTable.PrintMissing(measurement.Name, missing);
            }
            else
            {
                MeasurementTable.Print(measurement, Measure(measurement, options));
            }
        }

        return 0;
    }

    private static List<MeasuredRound> Measure(Measurement measurement, MeasureOptions options)
    {
        List<MeasuredRound> rounds = [];
        for (int i = 0; i < options.Rounds; i++)
        {
            double[]? own = measurement.HasOwn ? MeasurementProcess.Start(measurement, MeasurementProcess.Own, options.Scale) : null;
            double[] heap = MeasurementProcess.Start(measurement, MeasurementProcess.Heap, options.Scale);
            rounds.Add(new(own, heap));
        }

        return rounds;
    }
}
