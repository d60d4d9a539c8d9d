using System.Globalization;

namespace SpanHeap.Consumers.Measurements;

/// <summary>Says how much of the whole work is done. Anything but 1 shows that a measurement runs, and gives no figures that mean anything.</summary>
/// <param name="Factor">The part of the whole, greater than 0.</param>
internal readonly record struct Scale(double Factor)
{
    /// <summary>Reads a scale.</summary>
    /// <exception cref="ArgumentException">The text is not a number greater than 0.</exception>
    public static Scale Parse(string text) =>
        double.TryParse(text, CultureInfo.InvariantCulture, out double factor) && factor > 0
            ? new(factor)
            : throw new ArgumentException($"{text} is not a scale.");

    /// <summary>Gets this part of a number of things, which is at least one.</summary>
    public int Of(int count) => Math.Max(1, (int)(count * Factor));

    /// <summary>Gets this part of a time.</summary>
    public TimeSpan Of(TimeSpan time) => time * Factor;

    public override string ToString() => Factor.ToString(CultureInfo.InvariantCulture);
}
