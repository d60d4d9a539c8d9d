using SpanHeap.Os;

namespace SpanHeap.Caches;

/// <summary>The empty magazines that a cache has at hand, so that a stack is opened or emptied without a look at the heap's pool.</summary>
/// <remarks>The caller holds the cache's lock, unless a method says otherwise. Nothing here asks the system.</remarks>
internal sealed unsafe class SpareMagazines(MagazinePool magazines)
{
    private const int MaxSpares = 4;

    /// <summary>Takes an empty magazine; null when there is none.</summary>
    public Magazine* TryTake(ThreadCache* cache)
    {
        cache->Lock.AssertHeld();
        Magazine* spare = cache->Spares;
        if (spare == null)
        {
            return magazines.TryTake();
        }

        cache->Spares = spare->Next;
        cache->SpareCount--;
        spare->Next = null;
        return spare;
    }

    /// <summary>Empties a magazine and keeps it at hand, or gives it to the pool when there are enough.</summary>
    public void Give(ThreadCache* cache, Magazine* magazine)
    {
        cache->Lock.AssertHeld();
        magazine->Count = 0;
        magazine->IsMixed = false;
        if (cache->SpareCount == MaxSpares)
        {
            magazines.Give(magazine);
            return;
        }

        magazine->Next = cache->Spares;
        cache->Spares = magazine;
        cache->SpareCount++;
    }

    /// <summary>Gives a stack without a magazine an empty one; false when there is none. The stack may hold nothing until its capacity is set.</summary>
    public bool TryOpen(ThreadCache* cache, ClassStack* stack)
    {
        if (stack->IsOpen)
        {
            return true;
        }

        Magazine* magazine = TryTake(cache);
        if (magazine == null)
        {
            return false;
        }

        Volatile.Write(ref cache->HasStacks, true);
        stack->Install(magazine, 0, 0);
        return true;
    }

    /// <summary>Gives the empty magazines of a cache that needs none to the heap's other caches. The caller must hold no lock.</summary>
    public void ReleaseAll(ThreadCache* cache)
    {
        LockOrder.AssertNoneHeld();
        cache->Lock.Enter();
        while (cache->Spares != null)
        {
            magazines.Give(TryTake(cache));
        }

        cache->Lock.Exit();
    }
}
