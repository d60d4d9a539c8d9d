using SpanHeap.Spans;

namespace SpanHeap.Tracing;

/// <summary>
/// What is looked at before and after marking, while no thread is in a scope. A fault found here ends the collection as if it had not
/// been begun: no mark is left, nothing is freed, and the next is due when the heap has grown again.
/// </summary>
/// <param name="heap">The heap.</param>
/// <param name="references">Whether references must lead to live blocks: with full checks.</param>
/// <param name="checkmarks">Whether marking is checked: <see cref="NativeHeapOptions.TracedCheckmark"/>.</param>
/// <remarks>By the collecting thread.</remarks>
internal sealed class TracedChecks(TracedHeap heap, bool references, bool checkmarks)
{
    private Checkmark? _before;

    /// <summary>A test's, called with the plane of marks before they are compared with what is reached.</summary>
    internal Action<uint>? BeforeComparing { get; set; }

    /// <exception cref="HeapCorruptionException">A reference leads to no live block. Marking would go astray, so it does not begin.</exception>
    public void BeforeMarking()
    {
        if (!references && !checkmarks)
        {
            return;
        }

        try
        {
            // Reached from roots first, as the message then has the way.
            _before = checkmarks ? Checkmark.Reach(heap) : null;
            if (references)
            {
                ReferenceCheck.Run(heap);
            }
        }
        catch
        {
            heap.Pacer.PutOff();
            throw;
        }
    }

    /// <param name="plane">The plane with the marks.</param>
    /// <param name="bytes">What marking counted: the bytes of all blocks that are marked.</param>
    /// <exception cref="HeapCorruptionException">Marking missed a block, marked one too many, or counted wrongly.</exception>
    public void AfterMarking(uint plane, long bytes)
    {
        if (!checkmarks)
        {
            return;
        }

        try
        {
            Checkmark.RequireCounted(heap, plane, bytes);
            BeforeComparing?.Invoke(plane);
            if (!_before!.IsMarked(plane))
            {
                // Roots may have gone before the marker came to them; what those that are left reach must be marked.
                Checkmark.Reach(heap).RequireMarked(plane);
            }

            _before.RequireNothingElseMarked(plane);
        }
        catch
        {
            ClearMarks(plane);
            heap.Pacer.PutOff();
            throw;
        }
        finally
        {
            _before = null;
        }
    }

    private unsafe void ClearMarks(uint plane)
    {
        TracedWalk walk = new(heap.Core);
        while (walk.MoveNext())
        {
            TracedSlots.Clear(walk.Current, plane);
        }
    }
}
