namespace SpanHeap.Traced.Gating;

/// <summary>
/// How long the gate stays closed for threads in scopes before the collector opens it and tries again later. The further the heap has outgrown the
/// goal at which a collection was due, the longer that is. So a collection hardly delays other threads while it can wait itself, and overlapping
/// scopes do not keep it off forever.
/// </summary>
/// <param name="least">The patience at the goal, and in the first attempt at a collection that the program asked for.</param>
/// <param name="most">The greatest patience, from the heap's options; if it is less than <paramref name="least"/>, it is used for both.</param>
/// <remarks>Immutable.</remarks>
internal sealed class GatePatience(TimeSpan least, TimeSpan most)
{
    // Each such fraction of the growth that led to the goal, beyond the goal, doubles the patience. With a rule that is not exponential, the
    // collector could not wait for both scopes of 2 ms and scopes of 200 ms.
    private const double DoublingsPerGrowth = 8;

    private const int RestsPerWait = 10;

    /// <summary>The longest time for which the gate is ever closed.</summary>
    public TimeSpan Most => most;

    /// <summary>The patience in the first attempt at a collection that the program asked for.</summary>
    public TimeSpan First => least < most ? least : most;

    /// <summary>Gets the patience for a collection that is due.</summary>
    /// <param name="overshoot">By how much the heap has outgrown its goal, as a fraction of the growth that led there; infinity at a limit.</param>
    public TimeSpan At(double overshoot)
    {
        double doublings = Math.Max(0, overshoot) * DoublingsPerGrowth;
        return doublings < Math.Log2(most / First) ? First * Math.Pow(2, doublings) : most;
    }

    /// <summary>
    /// Gets how long no attempt is made at a due collection after one that was given up: ten times the wait. A heap at its limit is of no use until it is
    /// collected, so it rests no longer than after the shortest wait.
    /// </summary>
    /// <param name="wait">How long the attempt took.</param>
    /// <param name="overshoot">As for <see cref="At"/>.</param>
    public TimeSpan RestAfter(TimeSpan wait, double overshoot) => RestsPerWait * (double.IsPositiveInfinity(overshoot) ? First : wait);

    /// <summary>Gets the patience for the next attempt at a collection that the program asked for.</summary>
    /// <param name="last">The patience in the last attempt.</param>
    public TimeSpan After(TimeSpan last) => last < most / 2 ? last * 2 : most;
}
