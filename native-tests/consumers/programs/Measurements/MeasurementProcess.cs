using System.Diagnostics;
using System.Globalization;

namespace SpanHeap.Consumers.Measurements;

/// <summary>A process that measures one variant once and prints its values in one line.</summary>
internal static class MeasurementProcess
{
    /// <summary>The command by which this program starts itself.</summary>
    public const string Command = "measurement";

    /// <summary>The variant with the library's own memory.</summary>
    public const string Own = "own";

    /// <summary>The variant with a heap.</summary>
    public const string Heap = "heap";

    // Distinguishes the line from what a library prints.
    private const string Mark = "measured: ";

    /// <summary>The side of the parent: starts such a process and waits for its values.</summary>
    public static double[] Start(Measurement measurement, string variant, Scale scale)
    {
        string[] arguments = ["exec", typeof(MeasurementProcess).Assembly.Location, Command, measurement.Name, variant, scale.ToString()];
        ProcessStartInfo start = new(Environment.ProcessPath!, arguments) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        string? line = Array.Find(output.Split('\n'), static line => line.StartsWith(Mark, StringComparison.Ordinal));
        return process.ExitCode == 0 && line != null
            ? [.. line[Mark.Length..].Split(' ').Select(static value => double.Parse(value, CultureInfo.InvariantCulture))]
            : throw new InvalidOperationException($"The process that measures {measurement.Name} ({variant}) ended with code {process.ExitCode}. {output}");
    }

    /// <summary>The side of the child.</summary>
    public static void Run(string name, string variant, string scale)
    {
        Measurement measurement = MeasurementCatalog.Find(name);
        using NativeHeap? heap = variant == Heap ? new NativeHeap(new NativeHeapOptions { Name = name }) : null;
        double[] values = measurement.Run(heap, Scale.Parse(scale));
        Console.WriteLine(Mark + string.Join(' ', values.Select(static value => value.ToString("R", CultureInfo.InvariantCulture))));
    }
}
