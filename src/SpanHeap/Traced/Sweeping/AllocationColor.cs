using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Sweeping;

/// <summary>
/// Whether slots are marked when a cache takes them. While a concurrent marking is on, they are: what is made then lives until the next collection, and no
/// marker looks into it. (Black allocation, in the words of Dijkstra and others.)
/// </summary>
/// <remarks>It changes only while no thread is in a scope, so a thread in a scope finds it as it was when the scope began.</remarks>
internal sealed unsafe class AllocationColor
{
    /// <summary>Whether slots are marked.</summary>
    public bool IsBlack { get; set; }

    /// <summary>Marks slots of a word that are being taken, if slots are marked. Their blocks are not made yet.</summary>
    /// <param name="address">Any address that the word stands for.</param>
    /// <param name="slots">The slots.</param>
    /// <param name="generation">The generation of their span, which is the heap's.</param>
    public void Apply(nint address, ulong slots, uint generation)
    {
        if (IsBlack)
        {
            // A marker may be marking other slots of the word.
            Interlocked.Or(ref *TracedBits.WordOf(address, SweepGeneration.MarkBitmap(generation)), slots);
        }
    }
}
