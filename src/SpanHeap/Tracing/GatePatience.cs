namespace SpanHeap.Tracing;

/// <summary>
/// How long the gate stays closed for threads in scopes before the collector opens it and tries later: the longer, the further the heap
/// has outgrown the goal at which a collection was due. So a collection delays others by little as long as it can wait itself, and scopes
/// that overlap one another do not keep it off for ever.
/// </summary>
/// <param name="least">At the goal, and in the first attempt of a collection that the program asked for.</param>
/// <param name="most">At the most, as the heap's options say; if it is less than <paramref name="least"/>, it is both.</param>
/// <remarks>Immutable.</remarks>
internal sealed class GatePatience(TimeSpan least, TimeSpan most)
{
    // Of the growth that led to the goal: each such part of it beyond the goal doubles the patience. By a rule that is
    // not exponential, scopes of 2 ms and scopes of 200 ms could not both be waited for.
    private const double DoublingsPerGrowth = 8;

    /// <summary>The longest that the gate is ever closed for.</summary>
    public TimeSpan Most => most;

    /// <summary>In the first attempt of a collection that the program asked for.</summary>
    public TimeSpan First => least < most ? least : most;

    /// <summary>For a collection that is due.</summary>
    /// <param name="overshoot">By how much the heap has outgrown its goal, in parts of the growth that led there; infinity when it is at a limit.</param>
    public TimeSpan At(double overshoot)
    {
        double doublings = Math.Max(0, overshoot) * DoublingsPerGrowth;
        return doublings < Math.Log2(most / First) ? First * Math.Pow(2, doublings) : most;
    }

    /// <summary>For the next attempt of a collection that the program asked for.</summary>
    /// <param name="last">How long the last was.</param>
    public TimeSpan After(TimeSpan last) => last < most / 2 ? last * 2 : most;
}
