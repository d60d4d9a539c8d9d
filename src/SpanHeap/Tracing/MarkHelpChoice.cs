namespace SpanHeap.Tracing;

/// <summary>
/// Whether the next marking is to have helpers: whatever was faster for what it marked. Waking threads and marking with locked
/// instructions costs more than it gains where processors are shared with others or a lock is dear, and nobody can know before.
/// </summary>
/// <remarks>The collector's, under its lock.</remarks>
internal sealed class MarkHelpChoice
{
    // The way that seems slower is tried again once in so many markings: programs and machines change.
    private const int MarkingsBetweenTries = 16;

    // Help takes other processors' time: it must save at least this part of the pause.
    private const double LeastGain = 0.2;

    // How much of what is known one marking changes.
    private const double Weight = 0.25;

    // Time per byte marked, each way; 0 before it was tried.
    private double _alone;
    private double _helped;
    private int _markings;

    /// <summary>Whether the next is to have help: the first has, the second has not.</summary>
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

    /// <summary>Takes note of how long a marking took.</summary>
    /// <param name="helped">Whether it had help.</param>
    /// <param name="bytes">What was marked.</param>
    /// <param name="time">How long it took, in any unit that stays the same.</param>
    public void Note(bool helped, long bytes, long time)
    {
        _markings++;
        ref double known = ref helped ? ref _helped : ref _alone;
        double rate = Math.Max(1, time) / (double)Math.Max(1, bytes);
        known = known == 0 ? rate : known + ((rate - known) * Weight);
    }
}
