namespace SpanHeap.Traced.Pacing;

/// <summary>
/// Decides whether a collection that is due because of growth is minor. A minor collection finds only young blocks dead, so it pays where most of what
/// is made dies soon. Caches and queues make blocks that live for long, and there each minor collection would be followed by a major one.
/// </summary>
/// <param name="isEnabled">Whether the heap has minor collections at all.</param>
/// <param name="leastGrowth">The bytes by which the heap may grow before a collection is due, however little lives.</param>
/// <remarks>Used by the collecting thread.</remarks>
internal sealed class MinorChoice(bool isEnabled, long leastGrowth)
{
    // A collection pays as a minor one if it frees at least one part in so many of what was made.
    private const int LeastDeadPart = 3;

    // Old blocks may double between two major collections; in a small heap, they may grow by this part of the least growth.
    private const int LeastGrowthPart = 8;

    // How many major collections come before the next try after a minor one that did not pay: twice as many after each such try.
    private const int ShortestRest = 8;
    private const int LongestRest = 64;

    // The bytes that the last major collection left, and with those that minor ones have left since.
    private long _majorBytes;
    private long _oldBytes;

    // Whether the last collection freed enough. A program that builds something frees little in major collections, too.
    private bool _freedEnough;

    private int _rest;
    private int _nextRest = ShortestRest;

    /// <summary>
    /// Whether the next collection should be minor: not once old blocks have doubled, because many of them may be dead by now.
    /// </summary>
    public bool WantsMinor => isEnabled && _freedEnough && _rest == 0 && _oldBytes - _majorBytes <= Math.Max(_majorBytes, leastGrowth / LeastGrowthPart);

    /// <summary>The bytes that the last major collection has found to live, by which the heap may grow.</summary>
    public long MajorBytes => _majorBytes;

    /// <summary>Notes a major collection.</summary>
    /// <param name="made">The bytes that were made since the collection before it.</param>
    /// <param name="live">The bytes that are marked now.</param>
    public void NoteMajor(long made, long live)
    {
        NoteFreed(made, live);
        _majorBytes = live;
        _rest = Math.Max(0, _rest - 1);
    }

    /// <summary>Notes a minor collection.</summary>
    /// <param name="made">The bytes that were made since the collection before it.</param>
    /// <param name="live">The bytes that are marked now.</param>
    public void NoteMinor(long made, long live)
    {
        NoteFreed(made, live);
        if (_freedEnough)
        {
            _nextRest = ShortestRest;
            return;
        }

        _rest = _nextRest;
        _nextRest = Math.Min(2 * _nextRest, LongestRest);
    }

    private void NoteFreed(long made, long live)
    {
        _freedEnough = _oldBytes + made - live >= made / LeastDeadPart;
        _oldBytes = live;
    }
}
