using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Guarding;

/// <summary>
/// What the guarded blocks of a sample may take: blocks that live beside what they would take without a guard, and freed ones in quarantine.
/// </summary>
/// <remarks>
/// Blocks that live for ever must not keep out those that come after them, or a program in use for days would not be looked at any more. So
/// those that live may take, on top of the budget, a part of what the heap has in use: as the heap fills with blocks that stay, so grows the
/// room for those of them that are in the sample, and where it does not grow as many of them go as come. A large block takes no more
/// than a small one here, because its pages are its own in any case.
/// <para>Thread safe.</para>
/// </remarks>
internal sealed class SampleBudget(nuint budgetBytes, PageHeap pages, ArenaSource arenas)
{
    /// <summary>What a traced block takes: less than a page more than without a span of its own.</summary>
    public const int TracedCost = 1;

    // A quarter of the pages that others have.
    private const int ShareOfHeap = 4;

    private readonly long _budgetPages = (long)(budgetBytes >> PageGeometry.PageShift);

    // Interlocked.
    private long _taken;

    /// <summary>Pages that guarded blocks take that live.</summary>
    public long Taken => Volatile.Read(ref _taken);

    /// <summary>Pages that freed blocks may have: what is left of the budget, and half of it always.</summary>
    public long QuarantinePages => Math.Max(_budgetPages - Taken, _budgetPages / 2);

    /// <summary>The pages of a guarded block beside those that its bytes fill; at least one.</summary>
    public static int CostOf(long spanPages, nuint byteCount) => (int)Math.Max(1, spanPages - (long)(byteCount >> PageGeometry.PageShift));

    /// <summary>Whether a freed block has so many pages that it would turn too many others out.</summary>
    public bool IsLarge(long spanPages) => spanPages > _budgetPages / 4;

    /// <summary>Takes pages for a block; false when there is no room for them.</summary>
    public bool TryTake(int cost)
    {
        long others = Math.Max(0, pages.PagesInUse - arenas.GuardedPages);
        if (Interlocked.Add(ref _taken, cost) <= _budgetPages + (others / ShareOfHeap))
        {
            return true;
        }

        Give(cost);
        return false;
    }

    /// <summary>Gives the pages of a block back.</summary>
    public void Give(int cost) => Interlocked.Add(ref _taken, -cost);
}
