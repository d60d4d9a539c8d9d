namespace SpanHeap.Traced.Marking;

/// <summary>
/// Decides whether the next marking has helpers, by which way was faster per byte. Waking threads and marking with locked instructions costs more
/// than it gains if processors are shared or locked instructions are slow, which cannot be known in advance.
/// </summary>
/// <remarks>Used by the collector, under its lock.</remarks>
internal sealed class MarkHelpChoice
{
    // The way that seems slower is tried again once in this many markings: programs and machines change.
    private const int MarkingsBetweenTries = 16;

    // Help takes other processors' time, so it must save at least this fraction of the pause.
    private const double LeastGain = 0.2;

    // The weight of one marking in the average.
    private const double Weight = 0.25;

    // The time per byte marked, for each way; 0 before it was tried.
    private double _alone;
    private double _helped;
    private int _markings;

    /// <summary>Whether the next marking should have help. The first has it, the second has not.</summary>
    public bool WantsHelp
    {
        get
        {
            if (_helped == 0 || _alone == 0)
            {
                return _helped == 0;
            }

            bool pays = _helped < _alone * (1 - LeastGain);
            return pays ^ (_markings % MarkingsBetweenTries == 0);
        }
    }

    /// <summary>Notes how long a marking took.</summary>
    /// <param name="helped">Whether it had help.</param>
    /// <param name="bytes">The bytes marked.</param>
    /// <param name="time">How long it took, in any fixed unit.</param>
    public void Note(bool helped, long bytes, long time)
    {
        _markings++;
        ref double known = ref helped ? ref _helped : ref _alone;
        double rate = Math.Max(1, time) / (double)Math.Max(1, bytes);
        known = known == 0 ? rate : known + ((rate - known) * Weight);
    }
}
