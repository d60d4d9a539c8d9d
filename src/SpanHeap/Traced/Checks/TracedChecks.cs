using SpanHeap.Traced.Pacing;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Checks;

/// <summary>
/// Makes the checks before and after marking, while no thread is in a scope. A fault found here ends the collection as if it had not begun: no mark
/// is left, nothing is freed, and the next is due when the heap has grown again.
/// </summary>
/// <param name="records">The records to check.</param>
/// <param name="pacer">Notified when a collection is given up.</param>
/// <param name="references">Whether references are checked: with full checks.</param>
/// <param name="checkmarks">Whether marking is checked: <see cref="TracedHeapOptions.VerifyMarking"/>.</param>
/// <param name="audit">What has noted the stores; null where they are not audited.</param>
/// <remarks>Used by the collecting thread.</remarks>
internal sealed class TracedChecks(TracedRecords records, Pacer pacer, bool references, bool checkmarks, StoreAudit? audit)
{
    private Checkmark? _before;

    /// <summary>Set by tests: called with the bitmap of marks before they are compared with what is reached.</summary>
    internal Action<uint>? BeforeComparing { get; set; }

    /// <param name="collectable">The bitmap in which a mark session has marked the collectable blocks that live; null if all of them live.</param>
    /// <exception cref="HeapCorruptionException">
    /// A reference does not lead to a live block. Marking would go astray, so it does not begin.
    /// </exception>
    public void BeforeMarking(uint? collectable)
    {
        if (!references && !checkmarks)
        {
            return;
        }

        try
        {
            // What roots reach comes first, because the message then has the path.
            _before = checkmarks ? Checkmark.Reach(records, collectable) : null;
            if (references)
            {
                ReferenceCheck.Run(records);
            }
        }
        catch
        {
            pacer.PutOff();
            throw;
        }
    }

    /// <param name="bitmap">The bitmap with the marks.</param>
    /// <param name="bytes">The bytes of all marked blocks, as marking has counted them.</param>
    /// <param name="isMinor">Whether old blocks are marked whatever reaches them.</param>
    /// <param name="isConcurrent">Whether threads went on, so that roots have changed and what was made meanwhile is marked.</param>
    /// <exception cref="HeapCorruptionException">
    /// Marking missed a block, marked one too many, or counted wrongly; or a reference was stored past the barrier.
    /// </exception>
    public void AfterMarking(uint bitmap, long bytes, bool isMinor, bool isConcurrent)
    {
        try
        {
            if (checkmarks)
            {
                Compare(_before!, bitmap, bytes, isMinor, isConcurrent);
            }

            audit?.RequireNoted(records, bitmap);
        }
        catch
        {
            ClearMarks(bitmap);
            pacer.PutOff();
            throw;
        }
        finally
        {
            _before = null;
        }
    }

    /// <summary>Forgets what was found before a marking that was given up.</summary>
    public void Forget() => _before = null;

    private void Compare(Checkmark before, uint bitmap, long bytes, bool isMinor, bool isConcurrent)
    {
        Checkmark.RequireCounted(records, bitmap, bytes);
        BeforeComparing?.Invoke(bitmap);
        if (isConcurrent || !before.IsMarked(bitmap))
        {
            // Roots may have gone before the marker came to them; what the remaining roots reach must be marked.
            Checkmark.Reach(records, bitmap).RequireMarked(bitmap);
        }

        if (!isMinor && !isConcurrent)
        {
            before.RequireNothingElseMarked(bitmap);
        }
    }

    private unsafe void ClearMarks(uint bitmap)
    {
        TracedWalk walk = new(records.Pages);
        while (walk.MoveNext())
        {
            TracedSlots.Clear(walk.Current, bitmap);
        }
    }
}
