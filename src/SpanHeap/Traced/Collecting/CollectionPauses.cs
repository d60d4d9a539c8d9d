namespace SpanHeap.Traced.Collecting;

/// <summary>Measures how long collections kept threads out, from the end of the last scope that they waited for.</summary>
/// <remarks>Written by the thread that collects; read by any thread, each figure by itself.</remarks>
internal sealed class CollectionPauses
{
    private readonly PauseHistogram _histogram = new();

    /// <summary>The number of pauses.</summary>
    public long Count => _histogram.Count;

    /// <summary>The last pause.</summary>
    public TimeSpan Last { get; private set; }

    /// <summary>The longest pause.</summary>
    public TimeSpan Longest { get; private set; }

    /// <summary>The sum of all pauses.</summary>
    public TimeSpan Total { get; private set; }

    /// <inheritdoc cref="PauseHistogram.Percentile"/>
    public TimeSpan Percentile(double part)
    {
        TimeSpan bound = _histogram.Percentile(part);
        return bound < Longest ? bound : Longest;
    }

    public void Note(TimeSpan pause)
    {
        Last = pause;
        Longest = pause > Longest ? pause : Longest;
        Total += pause;
        _histogram.Note(pause);
    }
}
