using SpanHeap.Traced.Contract;

namespace SpanHeap.Traced.Pacing;

/// <summary>
/// Decides whether a collection that is due because of growth is minor. A minor collection finds only young blocks dead, so it pays where most of what
/// is made dies soon. Caches and queues make blocks that live for long, and there each minor collection would be followed by a major one.
/// </summary>
/// <param name="options">Whether the heap has minor collections at all, and by how much it may grow before a collection is due.</param>
/// <remarks>Used by the collecting thread.</remarks>
internal sealed class MinorChoice(TracingOptions options)
{
    // A collection pays as a minor one if it frees at least one part in so many of what was made.
    private const int LeastDeadPart = 3;

    // Old blocks may double between two major collections, or grow as far as the heap may; in a small heap, by this part of the least growth.
    private const int LeastGrowthPart = 8;
    private const int MostGrowthPercent = 100;

    // Old blocks that die are noticed by major collections alone, so one comes after so many minor ones. That costs at most a sixteenth of the marking of a
    // heap without minor collections.
    private const int MostInARow = 16;

    // How many major collections come before the next try after a minor one that did not pay: twice as many after each such try.
    private const int ShortestRest = 8;
    private const int LongestRest = 64;

    // The bytes that the last major collection left, and with those that minor ones have left since.
    private long _majorBytes;
    private long _oldBytes;

    private int _minorsInARow;
    private long _madeBeforeMinors;

    // Whether the last collection freed enough. A program that builds something frees little in major collections, too.
    private bool _freedEnough;

    private int _rest;
    private int _nextRest = ShortestRest;

    /// <summary>
    /// Whether the next collection should be minor: not once old blocks have grown too much, or after many minor ones, because
    /// many old blocks may be dead by now.
    /// </summary>
    public bool WantsMinor => options.HasMinors && _freedEnough && _rest == 0 && _minorsInARow < MostInARow && _oldBytes - _majorBytes <= MostGrowth;

    /// <summary>The bytes that the last major collection has found to live, by which the heap may grow.</summary>
    public long MajorBytes => _majorBytes;

    /// <summary>
    /// The bytes that were made between the last major collection and the last minor one after it; 0 if there was none. Read by any thread.
    /// </summary>
    public long MadeBeforeMinors => Volatile.Read(ref _madeBeforeMinors);

    private long MostGrowth =>
        Math.Max((long)(_majorBytes * (Math.Min(options.GrowthPercent, MostGrowthPercent) / 100.0)), options.MinimumBytes / LeastGrowthPart);

    /// <summary>Notes a major collection.</summary>
    /// <param name="made">The bytes that were made since the collection before it.</param>
    /// <param name="live">The bytes that are marked now.</param>
    public void NoteMajor(long made, long live)
    {
        NoteFreed(made, live);
        _majorBytes = live;
        _minorsInARow = 0;
        Volatile.Write(ref _madeBeforeMinors, 0);
        _rest = Math.Max(0, _rest - 1);
    }

    /// <summary>Notes a minor collection.</summary>
    /// <param name="made">The bytes that were made since the collection before it.</param>
    /// <param name="live">The bytes that are marked now.</param>
    public void NoteMinor(long made, long live)
    {
        NoteFreed(made, live);
        _minorsInARow++;
        Volatile.Write(ref _madeBeforeMinors, _madeBeforeMinors + made);
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
