using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Threads;

namespace SpanHeap.Tests.Interleaving.Mutants;

/// <summary>Makes the cache of a dead thread an orphan, as <see cref="CacheRegistry.Poll"/> does, each method with one step done wrongly.</summary>
internal static unsafe class MutantPoll
{
    /// <summary>Writes the ownership where a compare-exchange belongs.</summary>
    public static void WithoutCompareExchange(CacheRegistry registry, in ManualWorld.DeadThread dead)
    {
        ThreadCache* cache = (ThreadCache*)dead.Cache;
        if (dead.Identity.IsDead && Volatile.Read(ref cache->Ownership) == dead.Ownership)
        {
            InterleavingPoints.At(InterleavingPoint.ThreadFoundDead);
            Volatile.Write(ref cache->Ownership, dead.Ownership & ~1L);
            registry.ReturnOrphan(cache);
        }
    }

    /// <summary>Does not ask whether the cache is held by the thread that takes its stacks.</summary>
    public static void WithoutLookAtReclaim(CacheRegistry registry, in ManualWorld.DeadThread dead)
    {
        ThreadCache* cache = (ThreadCache*)dead.Cache;
        if (dead.Identity.IsDead && Interlocked.CompareExchange(ref cache->Ownership, dead.Ownership & ~1L, dead.Ownership) == dead.Ownership)
        {
            registry.ReturnOrphan(cache);
        }
    }

    /// <summary>Reads whose the cache is after it has asked whether the thread lives.</summary>
    public static void WithOwnershipOfByThen(CacheRegistry registry, in ManualWorld.DeadThread dead)
    {
        ThreadCache* cache = (ThreadCache*)dead.Cache;
        if (dead.Identity.IsDead)
        {
            InterleavingPoints.At(InterleavingPoint.ThreadFoundDead);
            registry.TryOrphan(cache, Volatile.Read(ref cache->Ownership));
        }
    }
}
