using SpanHeap.Caches;
using SpanHeap.Os;

namespace SpanHeap.Blocks;

/// <summary>Returns the blocks on the stacks of a cache to their spans, and closes the stacks.</summary>
/// <remarks>
/// Stacks belong to their thread alone. The caller is that thread, or holds the cache as an orphan, or has taken it from a thread that waits. The
/// caller must not hold a lock.
/// </remarks>
internal sealed unsafe class StackDrain(StackRoom room, LargeBlocks large, GatheredFrees gathered, RemoteFrees remote)
{
    public void Drain(ThreadCache* cache)
    {
        LockOrder.AssertNoneHeld();
        large.Drain(cache);
        for (uint sizeClass = ThreadCache.NextUsed(cache, 0); sizeClass != 0; sizeClass = ThreadCache.NextUsed(cache, sizeClass))
        {
            ClassStack* stack = room.ServingStack(cache, sizeClass);
            if (!stack->IsOpen && stack->Pins == 0)
            {
                continue;
            }

            InterleavingPoints.At(InterleavingPoint.StackClosing);
            cache->Lock.Enter();
            room.ReturnStack(cache, sizeClass, stack);
            cache->Lock.Exit();
        }

        gathered.Drain(cache);
        Volatile.Write(ref cache->HasStacks, false);
        remote.SendPending(cache);
    }
}
