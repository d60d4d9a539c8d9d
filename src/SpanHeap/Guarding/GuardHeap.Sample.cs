using SpanHeap.Pages;

namespace SpanHeap.Guarding;

/// <summary>A sample stays within its budget, live blocks and all; where all blocks are guarded only what is freed has one.</summary>
internal sealed unsafe partial class GuardHeap
{
    /// <summary>
    /// Whether a sample's budget has room for a traced block of so many pages, which has it from then on: until <see cref="Quarantine"/> takes
    /// them, or <see cref="Dismiss"/>.
    /// </summary>
    public bool TryAdmit(int pageCount)
    {
        if (!HasRoom(pageCount))
        {
            Interlocked.Increment(ref _skipped);
            return false;
        }

        Interlocked.Add(ref _tracedPages, pageCount);
        return true;
    }

    /// <summary>Where all blocks are guarded: whether a traced block of so many pages can be. One that cannot is as without guards.</summary>
    public bool TryAdmitOfAll(int pageCount)
    {
        while (!arenas.HasRoomForGuarded(pageCount))
        {
            if (!CanMakeWay(pageCount) || !TryRetireOldest())
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The pages that were admitted could not be had.</summary>
    public void Dismiss(int pageCount)
    {
        Interlocked.Add(ref _tracedPages, -pageCount);
        Interlocked.Increment(ref _skipped);
    }

    // Threads that look at the same time may each find room: over by a block for each at most.
    private bool HasRoom(int pageCount)
    {
        if (!IsWithinBudget(pageCount))
        {
            return false;
        }

        while (!IsWithinBudget(pageCount + Volatile.Read(ref _pages) + Volatile.Read(ref _tracedPages)))
        {
            if (!TryRetireOldest())
            {
                return false;
            }
        }

        return true;
    }

    private bool IsWithinBudget(long pageCount) => (nuint)pageCount << PageGeometry.PageShift <= BudgetBytes;
}
