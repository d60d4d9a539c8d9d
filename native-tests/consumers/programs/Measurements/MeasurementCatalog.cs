namespace SpanHeap.Consumers.Measurements;

/// <summary>Lists everything that can be measured, in the order of the table.</summary>
internal static class MeasurementCatalog
{
    public static IReadOnlyList<Measurement> All { get; } =
    [
        new PipeMeasurement(),
        new ArrowBufferMeasurement("arrow-16", ints: 16, buffers: 2_000_000),
        new ArrowBufferMeasurement("arrow-1000", ints: 1000, buffers: 1_000_000),
        new ArrowStreamMeasurement(),
        new SqliteMeasurement("sqlite-memory", inFile: false),
        new SqliteMeasurement("sqlite-file", inFile: true),
        new SqliteThreadsMeasurement(),
        new LuaMeasurement(),
        new ImageMeasurement(),
        new PairMeasurement(),
        new MeterMeasurement(),
    ];

    /// <summary>Finds a measurement by its name.</summary>
    /// <exception cref="ArgumentException">There is none of that name.</exception>
    public static Measurement Find(string name) =>
        All.FirstOrDefault(each => each.Name == name)
            ?? throw new ArgumentException($"There is no measurement {name}. There are {string.Join(", ", All.Select(static each => each.Name))}.");
}
