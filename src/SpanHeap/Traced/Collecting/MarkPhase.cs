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
/// <remarks>Used by the collecting thread, while everything is swept and, unless a method says otherwise, the gate is closed.</remarks>
internal sealed class MarkPhase(
    MarkTeam team, ConcurrentMarking concurrent, OldBlocks old, CollectableBlocks collectables, TracedChecks checks, WeakTable weakHandles, CleanUpTable cleanUps, CleanUpQueue queue, Sweeper sweeper, Pacer pacer)
{
    /// <summary>
    /// With more records than so many, weak handles and clean-ups are looked at while threads go on: some 30 microseconds. Tests make it smaller.
    /// </summary>
    internal long RecordsWhileClosed { get; set; } = 8192;

    /// <summary>Whether there are more weak handles and clean-ups than are looked at while the gate is closed, if marking went on beside threads.</summary>
    public bool HasManyRecords => weakHandles.WalkSteps + cleanUps.Count > RecordsWhileClosed;

    /// <summary>The bitmap that gets the marks.</summary>
    public uint Bitmap => SweepGeneration.MarkBitmap(sweeper.Generation);

    /// <summary>The number of threads that marked last, while all others were kept out.</summary>
    public int LastMarkers => team.LastMarkers;

    /// <summary>The number of threads that marked at once when threads last went on meanwhile.</summary>
    public int LastConcurrentMarkers => concurrent.LastMarkers;

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
            checks.BeforeMarking(marked != null ? bitmap : null);
            InterleavingPoints.At(InterleavingPoint.MarkingBegins);
            long bytes = isMinor ? MarkYoung(bitmap) : MarkAll(marked, bitmap);
            InterleavingPoints.At(InterleavingPoint.MarkingEnded);
            checks.AfterMarking(bitmap, bytes, isMinor, isConcurrent: false);
            old.Note(bytes);
            return bytes;
        }
        catch
        {
            collectables.Unmark(bitmap);
            team.Weak.Forget();
            PutOff();
            throw;
        }
    }

    private long MarkAll(long? marked, uint bitmap)
    {
        old.Forget(bitmap);
        return (marked ?? collectables.MarkAll(bitmap)) + team.Mark(bitmap, pacer.LiveBytes, changed: null);
    }

    private long MarkYoung(uint bitmap) => old.Bytes + team.Mark(bitmap, pacer.BytesTaken, old);

    /// <summary>Begins to mark while threads go on. The gate is closed. After an exception nothing has begun, and the next collection is put off.</summary>
    public void BeginConcurrent()
    {
        try
        {
            checks.BeforeMarking(collectable: null);
            old.Forget(Bitmap);
            concurrent.Begin(Bitmap);
            pacer.BeginMarking();
        }
        catch
        {
            PutOff();
            throw;
        }
    }

    /// <inheritdoc cref="ConcurrentMarking.TryDrain"/>
    /// <remarks>The gate may be open.</remarks>
    public bool TryMarkConcurrent(uint pages) => concurrent.TryDrain(pages);

    /// <inheritdoc cref="ConcurrentMarking.DrainAll"/>
    public void MarkAllConcurrent() => concurrent.DrainAll();

    /// <summary>Lets threads go on that wait until the marker has come further (<see cref="MarkPace"/>). They may wait again when it has marked more.</summary>
    public void EndWaiting() => pacer.Pace.NoteDone();

    /// <summary>Ends what <see cref="BeginConcurrent"/> began. The gate is closed. After an exception nothing that is marked counts.</summary>
    /// <returns>The bytes of all marked blocks.</returns>
    public long EndConcurrent()
    {
        try
        {
            long bytes = concurrent.End();
            checks.AfterMarking(Bitmap, bytes, isMinor: false, isConcurrent: true);
            old.Note(bytes);
            return bytes;
        }
        catch
        {
            team.Weak.Forget();
            PutOff();
            throw;
        }
    }

    /// <summary>
    /// Lets threads go on while <see cref="TakeDead"/> looks at weak handles and clean-ups. The gate is closed, and marks are complete.
    /// </summary>
    public void BeginTakingDead()
    {
        // Entries are not judged when they are read, so they are cleared before.
        team.Weak.ClearDead(Bitmap);
        weakHandles.BeginJudging(Bitmap);
        concurrent.BeginBlack();
    }

    /// <summary>Ends what <see cref="BeginTakingDead"/> began. The gate is closed.</summary>
    /// <param name="marked">The bytes of the blocks that were marked before.</param>
    /// <returns>The bytes of all marked blocks.</returns>
    public long EndTakingDead(long marked)
    {
        weakHandles.EndJudging();
        long bytes = marked + concurrent.EndBlack();
        old.Note(bytes);
        return bytes;
    }

    /// <summary>Gives up what <see cref="BeginConcurrent"/> began. The gate is closed.</summary>
    public void AbandonConcurrent()
    {
        weakHandles.EndJudging();
        concurrent.Abandon();
        checks.Forget();
        PutOff();
    }

    /// <summary>Marks one collectable block.</summary>
    /// <returns>The bytes marked: 0 if the block was marked before.</returns>
    public long MarkCollectable(nint block) => collectables.Mark(block, Bitmap);

    /// <summary>Removes the marks of collectable blocks.</summary>
    public void UnmarkCollectables() => collectables.Unmark(Bitmap);

    /// <summary>
    /// Clears the weak handles and the weak entries of unmarked blocks, and queues their clean-ups. Marks are complete, and nothing can fail any more. The gate
    /// may be open after <see cref="BeginTakingDead"/>.
    /// </summary>
    public void TakeDead()
    {
        // Weak handles and entries come first, so that no clean-up finds its block through one.
        weakHandles.ClearDead(Bitmap);
        team.Weak.ClearDead(Bitmap);
        cleanUps.TakeDead(Bitmap, queue);
        InterleavingPoints.At(InterleavingPoint.RecordsTaken);
    }

    /// <summary>Gives back the memory that a marking has needed beyond what most need, unless one is on.</summary>
    public void Trim()
    {
        if (!concurrent.IsOn)
        {
            team.Trim();
        }
    }

    // Nothing that is marked counts. What made the marking fail, as a trace function that throws, may do so again: without a rest, every scope would
    // begin with that.
    private void PutOff()
    {
        old.Lose();
        pacer.PutOff();
    }
}
