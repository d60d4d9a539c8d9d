namespace SpanHeap.Consumers.Measurements;

/// <summary>Something that is measured, and what it should be.</summary>
/// <param name="Name">What it is, after the name of the row; empty if the row measures nothing else.</param>
/// <param name="Unit">Its unit, as it follows a number; empty for a number of things.</param>
/// <param name="Goal">What it should be, in words; empty if it is shown only to explain another figure.</param>
internal sealed record Figure(string Name, string Unit, string Goal)
{
    /// <summary>Creates a figure whose ratio has a bound.</summary>
    public static Figure WithRatio(string name, string unit, string most) => new(name, unit, $"ratio at most {most}");
}
