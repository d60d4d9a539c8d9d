using SpanHeap.Caches;
using SpanHeap.Os;

namespace SpanHeap.Tests.Os;

/// <summary>
/// Compares what a heap asked of the system with what it gave back. Caches of threads are the process's and outlive their heap: the
/// pool of them is emptied before and counted after.
/// </summary>
internal sealed unsafe class InjectionBalance
{
    private static readonly OsCall[] s_allocations = [OsCall.ReserveArena, OsCall.MapArena, OsCall.AllocateMetadata, OsCall.AllocateHuge];
    private static readonly OsCall[] s_others = [OsCall.Discard, OsCall.Fault, OsCall.Unfault, OsCall.HugePageAdvice, OsCall.ExtendArena, OsCall.ShrinkArena, OsCall.Residency];

    // The pool stays empty meanwhile, so that making a cache is a call that can be refused, too.
    private readonly List<nint> _aside = TakePool();
    private readonly int _slabs = ThreadCachePool.Slabs;
    private int _counted;

    /// <summary>Blocks that a heap which is disposed now had from the system and has not given back.</summary>
    /// <param name="os">The heap's calls.</param>
    /// <param name="refused">How many calls were refused.</param>
    /// <param name="resizes">Calls that resized a block: they ask for none.</param>
    public long Unreturned(OsMemory os, long refused, long resizes)
    {
        long refusedAllocations = refused - s_others.Sum(os.Failures);
        long had = s_allocations.Sum(os.Calls) - refusedAllocations - resizes;
        _aside.AddRange(TakePool());
        int made = ThreadCachePool.Slabs - _slabs - _counted;
        _counted += made;
        return had - os.Calls(OsCall.ReleaseArena) - made;
    }

    /// <summary>Empties the pool again of what came with a piece of memory and has not been used.</summary>
    public void TakeLeft() => _aside.AddRange(TakePool());

    /// <summary>Puts back what the pool had before, and what was made since.</summary>
    public void Restore() => GivePool(_aside);

    private static List<nint> TakePool()
    {
        // One that can make no new ones.
        OsMemory none = new();
        none.FailAfter(0);
        List<nint> taken = [];
        for (ThreadCache* cache = ThreadCachePool.TryTake(none, 1); cache != null; cache = ThreadCachePool.TryTake(none, 1))
        {
            taken.Add((nint)cache);
        }

        return taken;
    }

    private static void GivePool(List<nint> caches) => caches.ForEach(static cache => ThreadCachePool.Give((ThreadCache*)cache, new OsMemory()));
}
