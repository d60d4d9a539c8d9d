using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>Returns what lies on the stacks of a cache to its spans, and closes them.</summary>
/// <remarks>
/// Stacks are their thread's alone. The caller is that thread, or holds the cache as an orphan, or as <see cref="StackReclaimer"/> does. No
/// lock may be held.
/// </remarks>
internal sealed unsafe class StackDrain(CacheStock stock, LargeBlocks large, RemoteFrees remote)
{
    public void Drain(ThreadCache* cache)
    {
        large.Drain(cache);
        for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.LastShared; sizeClass++)
        {
            ClassStack* stack = stock.ServingStack(cache, sizeClass);
            if (!stack->IsOpen)
            {
                continue;
            }

            cache->Lock.Enter();
            stock.ReturnAll(cache, stack->Remove());
            cache->Lock.Exit();
        }

        Volatile.Write(ref cache->HasStacks, false);
        remote.SendPending(cache);
    }
}
