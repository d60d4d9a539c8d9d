using SpanHeap.Blocks;
using SpanHeap.Caches;
using SpanHeap.Guard.Sampling;
using SpanHeap.Spans;
using SpanHeap.Threads;

namespace SpanHeap.Heap;

/// <summary>Gives the calling thread its cache of a heap.</summary>
/// <remarks>Thread safe. The caller must not hold a lock.</remarks>
/// <param name="state">The heap's state.</param>
/// <param name="registry">The heap's caches.</param>
/// <param name="sampler">Decides which allocations are guarded; null unless a sample is.</param>
/// <param name="large">The heap's large blocks.</param>
/// <param name="maintenance">Finds the caches of threads that have died.</param>
/// <param name="relief">What helps when there is no memory for a cache.</param>
/// <param name="limit">The heap's limit.</param>
/// <param name="arenas">The heap's arenas.</param>
internal sealed unsafe class CacheAttachment(
    HeapState state, CacheRegistry registry, GuardSampler? sampler, LargeBlocks large, HeapMaintenance maintenance, PressureRelief relief, HeapLimit limit, ArenaSource arenas)
{
    /// <summary>Gets a cache for the calling thread.</summary>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory for a cache.</exception>
    public ThreadCache* Attach()
    {
        state.ThrowIfDisposed();
        ThreadCache* cache = TryAttachUnderPressure();
        if (cache == null)
        {
            state.ThrowOutOfMemory(ThreadCache.Size);
        }

        return cache;
    }

    /// <summary>Gets a cache for the calling thread. Returns null when there is no memory for one, even after everything that may help.</summary>
    public ThreadCache* TryAttachUnderPressure()
    {
        Relief progress = default;
        ThreadCache* cache;
        while ((cache = TryAttach()) == null)
        {
            if (!relief.TryRelieve(ref progress, ThreadCache.None, ThreadCache.Size, byLimit: !limit.HasRoomForCache(ThreadCache.Size)))
            {
                return null;
            }
        }

        return cache;
    }

    /// <summary>Gets a cache for the calling thread. Returns null when there is no memory for one at the moment.</summary>
    public ThreadCache* TryAttach()
    {
        // A thread that came here without a cache may have got one on the way, as in a Realloc that allocates and then frees.
        ThreadCache* own = state.FindOwnCache();
        if (own != ThreadCache.None)
        {
            return own;
        }

        ThreadRecord* record = ThreadRecord.Current;
        if (record == ThreadRecord.None && (record = ThreadRecords.TryTake()) == null)
        {
            return null;
        }

        // The slot first: a cache that a thread cannot find again would be lost until the thread is dead.
        if (!state.IsShared && !ThreadTable.TrySet(record, state.Number, 0, ThreadCache.None))
        {
            return null;
        }

        ThreadCache* cache = registry.TryAttach();
        if (cache == null)
        {
            return null;
        }

        // The first arena comes before the maintenance thread: the addresses that the C library reserves for a thread may be all that a process with a
        // limit of addresses has left. A refusal shows where pages are needed.
        if (arenas.ReservedBytes == 0)
        {
            arenas.TryGrow(count: 1, alignment: 1);
        }

        cache->UntilSample = sampler?.Draw() ?? int.MaxValue;
        large.Begin(cache);

        // A thread that only uses fast paths and dies must be found, too. Done before the thread has its cache, because waking the maintenance may
        // involve a wait that looks as if the cache were not in use (see StackReclaimer).
        maintenance.Arm();
        if (state.IsShared)
        {
            Volatile.Write(ref *(nint*)&record->Shared, (nint)cache);
        }
        else
        {
            ThreadTable.TrySet(record, state.Number, state.Serial, cache);
        }

        return cache;
    }
}
