using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Guard.Sampling;

/// <summary>
/// The budget of pages of a sample: those that the guards of live blocks take in addition to the blocks, and those of freed blocks in quarantine.
/// </summary>
/// <remarks>
/// Blocks that live forever must not keep out those that come after them, or a program that runs for days would no longer be checked. So live
/// blocks may take, on top of the budget, a part of the pages that the heap has in use. As the heap fills with blocks that stay, the room for
/// sampled ones among them grows. Where the heap does not grow, as many of them are freed as are made. A large block costs no more than a small
/// one here, because it has pages of its own in any case.
/// <para>Thread safe.</para>
/// </remarks>
internal sealed class SampleBudget(nuint budgetBytes, PageHeap pages, HeapLimit limit)
{
    /// <summary>The cost of a traced block: its own span takes less than a page more than it would without one.</summary>
    public const int TracedCost = 1;

    // Live blocks may take a quarter of the pages that other blocks have.
    private const int ShareOfHeap = 4;

    private readonly long _budgetPages = (long)(budgetBytes >> PageGeometry.PageShift);

    // Interlocked.
    private long _taken;

    /// <summary>The pages that live guarded blocks take.</summary>
    public long Taken => Volatile.Read(ref _taken);

    /// <summary>The pages that freed blocks may have: what is left of the budget, and always half of it.</summary>
    public long QuarantinePages => Math.Max(_budgetPages - Taken, _budgetPages / 2);

    /// <summary>Computes the pages that a guarded block takes in addition to those that its bytes fill; at least one.</summary>
    public static int CostOf(long spanPages, nuint byteCount) => (int)Math.Max(1, spanPages - (long)(byteCount >> PageGeometry.PageShift));

    /// <summary>Whether a freed block has so many pages that it would turn too many others out.</summary>
    public bool IsLarge(long spanPages) => spanPages > _budgetPages / 4;

    /// <summary>Takes pages for a block; false when the budget has no room for them.</summary>
    public bool TryTake(int cost)
    {
        long others = Math.Max(0, pages.PagesInUse - limit.GuardedPages);
        if (Interlocked.Add(ref _taken, cost) <= _budgetPages + (others / ShareOfHeap))
        {
            return true;
        }

        Give(cost);
        return false;
    }

    /// <summary>Gives back the pages of a block.</summary>
    public void Give(int cost) => Interlocked.Add(ref _taken, -cost);
}
