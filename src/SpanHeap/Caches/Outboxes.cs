using System.Numerics;
using System.Runtime.CompilerServices;
using SpanHeap.Checks;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// Gathers blocks of other owners by destination, in a magazine for each. A magazine that is full, or has to make room, is put aside and sent after the
/// lock is released (see <see cref="RemoteFrees"/>).
/// </summary>
/// <remarks>Methods whose names end in "Locked" require the cache's lock to be held.</remarks>
internal sealed unsafe class Outboxes(OsMemory os, SpareMagazines spares, HeapEpoch clock)
{
    // The bytes that all magazines of an outbox may hold together. A magazine is sent when its blocks amount to its share: large blocks should not
    // wait for company, and many destinations are no reason to hold back more.
    private const int MaxOutboxBytes = 1024 * 1024;

    // With more destinations than this, they share places again; by then an outbox holds back 1 MiB in magazines alone.
    private const int LargestOutbox = 1024;

    /// <summary>Adds a block to the magazine of its owner. Returns false, with the block in no magazine, when there is no memory for one.</summary>
    /// <param name="cache">The cache of the freeing thread.</param>
    /// <param name="block">The block.</param>
    /// <param name="entry">The entry of its page, which names the owner.</param>
    public bool TryAddLocked(ThreadCache* cache, nint block, uint entry)
    {
        cache->Lock.AssertHeld();
        Invariant.Assert(PageEntry.IsOfBlocks(entry), "The entry names a cache.");
        cache->OutboxUsedAt = clock.Now;
        uint sizeClass = PageEntry.SizeClass(entry);
        uint ownerTag = entry & ~PageEntry.OwnerMask;
        OutboxSlot* slot = ThreadCache.Outbox(cache, PlaceOf(ownerTag, ThreadCache.OutboxSize(cache)));
        if ((slot->Magazine == null || slot->OwnerTag != ownerTag) && !TryPrepareLocked(cache, slot, ownerTag))
        {
            return false;
        }

        Magazine* magazine = slot->Magazine;
        int count = magazine->Count;
        Invariant.Assert(count < Magazine.Capacity && !magazine->IsMixed, "A magazine of an outbox has room, and blocks of one owner.");
        magazine->SizeClass = count == 0 || magazine->SizeClass == sizeClass ? (byte)sizeClass : (byte)SizeClasses.None;
        Magazine.Blocks(magazine)[count] = block;
        magazine->Count = ++count;
        slot->BytesLeft -= (int)SizeClasses.Info(sizeClass).Size;
        if (count == Magazine.Capacity || slot->BytesLeft <= 0)
        {
            EvictLocked(cache, slot);
        }

        return true;
    }

    /// <summary>
    /// Puts a magazine aside that is full of small blocks of one owner, as those of a producer's consumer are: none of them is copied. Returns false, with
    /// nothing changed, for any other magazine.
    /// </summary>
    public static bool TryAddWholeLocked(ThreadCache* cache, Magazine* magazine)
    {
        cache->Lock.AssertHeld();
        if (magazine->Count < Magazine.Capacity)
        {
            return false;
        }

        nint* blocks = Magazine.Blocks(magazine);
        uint first = Volatile.Read(ref *ArenaHeader.EntryOf(*blocks));
        uint differences = 0;
        for (int i = 1; i < Magazine.Capacity; i++)
        {
            differences |= Volatile.Read(ref *ArenaHeader.EntryOf(blocks[i])) ^ first;
            if (differences > PageEntry.OwnerMask)
            {
                return false;
            }
        }

        bool isOfOneClass = (differences & ~PageEntry.PageWithinSpanBits) == 0;
        magazine->SizeClass = isOfOneClass ? (byte)PageEntry.SizeClass(first) : (byte)SizeClasses.None;
        magazine->Next = cache->Pending;
        cache->Pending = magazine;
        return true;
    }

    /// <summary>Puts all magazines of an outbox aside, and makes it small again.</summary>
    /// <returns>Memory that the caller frees after it has released the lock; or null.</returns>
    public static OutboxSlot* EvictAllLocked(ThreadCache* cache)
    {
        cache->Lock.AssertHeld();
        int size = ThreadCache.OutboxSize(cache);
        for (int i = 0; i < size; i++)
        {
            EvictLocked(cache, ThreadCache.Outbox(cache, i));
        }

        OutboxSlot* large = cache->LargeOutbox;
        cache->LargeOutbox = null;
        cache->OutboxCollisions = 0;
        return large;
    }

    /// <summary>
    /// Doubles the number of places when destinations displace each other. Without memory, everything goes on as before. Called by the cache's thread,
    /// without the lock.
    /// </summary>
    public void WidenIfCrowded(ThreadCache* cache)
    {
        if (cache->OutboxCollisions > ThreadCache.OutboxSize(cache))
        {
            Widen(cache);
        }
    }

    private static int ShareOf(int outboxSize) => MaxOutboxBytes >> BitOperations.Log2((uint)outboxSize);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Widen(ThreadCache* cache)
    {
        int size = 2 * ThreadCache.OutboxSize(cache);
        OutboxSlot* larger = size > LargestOutbox
            ? null
            : (OutboxSlot*)os.Allocate(OsCall.AllocateMetadata, (nuint)size * (nuint)sizeof(OutboxSlot), zeroed: true);
        OutboxSlot* old = null;
        cache->Lock.Enter();
        cache->OutboxCollisions = 0;
        if (larger != null)
        {
            // A flush may have made it small again meanwhile. It then grows by more than a factor of two, which is harmless.
            int oldSize = ThreadCache.OutboxSize(cache);
            for (int i = 0; i < oldSize; i++)
            {
                OutboxSlot* slot = ThreadCache.Outbox(cache, i);
                if (slot->Magazine != null)
                {
                    OutboxSlot* place = larger + PlaceOf(slot->OwnerTag, size);
                    *place = *slot;
                    place->BytesLeft -= ShareOf(oldSize) - ShareOf(size);
                    slot->Magazine = null;
                }
            }

            old = cache->LargeOutbox;
            cache->LargeOutbox = larger;
            cache->LargeOutboxSize = size;
        }

        cache->Lock.Exit();
        os.Free(old);
    }

    // Sizes are powers of two, so destinations that do not collide in an outbox do not collide in a larger one.
    private static int PlaceOf(uint ownerTag, int size)
    {
        Invariant.Assert(BitOperations.IsPow2(size), "The number of places is a power of two.");
        return (int)((ownerTag >> PageEntry.OwnerShift) & (uint)(size - 1));
    }

    // Gives the place of a destination a magazine, for which the one of another destination may have to leave. Returns false when there is none.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryPrepareLocked(ThreadCache* cache, OutboxSlot* slot, uint ownerTag)
    {
        cache->Lock.AssertHeld();
        if (slot->Magazine != null)
        {
            cache->OutboxCollisions++;
            EvictLocked(cache, slot);
        }

        slot->OwnerTag = ownerTag;
        slot->BytesLeft = ShareOf(ThreadCache.OutboxSize(cache));
        slot->Magazine = spares.TryTake(cache);
        return slot->Magazine != null;
    }

    private static void EvictLocked(ThreadCache* cache, OutboxSlot* slot)
    {
        cache->Lock.AssertHeld();
        if (slot->Magazine != null)
        {
            slot->Magazine->Next = cache->Pending;
            cache->Pending = slot->Magazine;
            slot->Magazine = null;
        }
    }
}
