using SpanHeap.Os;
using SpanHeap.Traced.Checks;
using SpanHeap.Traced.CleanUps;
using SpanHeap.Traced.Marking;
using SpanHeap.Traced.Pacing;
using SpanHeap.Traced.Roots;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Collecting;

/// <summary>The part of a collection that finds what lives, and drops the records of what does not.</summary>
/// <remarks>Used by the collecting thread, while the gate is closed and everything is swept.</remarks>
internal sealed class MarkPhase(
    MarkTeam team, OldBlocks old, CollectableBlocks collectables, TracedChecks checks, WeakTable weakHandles, CleanUpTable cleanUps, CleanUpQueue queue, Sweeper sweeper, Pacer pacer)
{
    /// <summary>The bitmap that gets the marks.</summary>
    public uint Bitmap => SweepGeneration.MarkBitmap(sweeper.Generation);

    /// <summary>The number of threads that marked last.</summary>
    public int LastMarkers => team.LastMarkers;

    /// <summary>Whether the next collection can be minor: it is known which blocks are old.</summary>
    public bool CanBeMinor => old.AreKnown;

    /// <summary>Marks all that lives. After an exception nothing that is marked counts, and the next collection is put off.</summary>
    /// <param name="marked">The bytes of collectable blocks that the program has marked; null without a mark session, when all of them live.</param>
    /// <param name="isMinor">Whether all old blocks count as alive. Then the heap has no collectable blocks, and none with a trace function.</param>
    /// <returns>The bytes of all marked blocks.</returns>
    public long Mark(long? marked, bool isMinor)
    {
        uint bitmap = Bitmap;
        try
        {
            checks.BeforeMarking();
            InterleavingPoints.At(InterleavingPoint.MarkingBegins);
            long bytes = isMinor ? MarkYoung(bitmap) : MarkAll(marked, bitmap);
            InterleavingPoints.At(InterleavingPoint.MarkingEnded);
            checks.AfterMarking(bitmap, bytes, isMinor);
            old.Note(bytes);
            return bytes;
        }
        catch
        {
            // A trace function that threw may throw again; this keeps every scope from beginning with that exception.
            collectables.Unmark(bitmap);
            old.Lose();
            pacer.PutOff();
            throw;
        }
    }

    private long MarkAll(long? marked, uint bitmap)
    {
        old.Forget(bitmap);
        return (marked ?? collectables.MarkAll(bitmap)) + team.Mark(bitmap, pacer.LiveBytes, changed: null);
    }

    private long MarkYoung(uint bitmap) => old.Bytes + team.Mark(bitmap, pacer.BytesTaken, old);

    /// <summary>Marks one collectable block.</summary>
    /// <returns>The bytes marked: 0 if the block was marked before.</returns>
    public long MarkCollectable(nint block) => collectables.Mark(block, Bitmap);

    /// <summary>Removes the marks of collectable blocks.</summary>
    public void UnmarkCollectables() => collectables.Unmark(Bitmap);

    /// <summary>Clears the weak handles and queues the clean-ups of unmarked blocks. Marks are complete, and nothing can fail any more.</summary>
    public void TakeDead()
    {
        // Weak handles come first, so that no clean-up finds its block through one.
        weakHandles.ClearDead(Bitmap);
        cleanUps.TakeDead(Bitmap, queue);
        InterleavingPoints.At(InterleavingPoint.RecordsTaken);
    }

    /// <summary>Gives back the memory that a marking has needed beyond what most need. No thread marks meanwhile.</summary>
    public void Trim() => team.Trim();
}
