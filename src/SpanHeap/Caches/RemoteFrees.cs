using System.Numerics;
using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// Handles blocks that a thread other than their owner frees. They are gathered by destination in the freeing thread's outbox, sent as magazines to
/// the owner's inbox, and taken in by the owner, by maintenance, or by a sender that finds the inbox too full.
/// </summary>
/// <remarks>
/// Methods whose names end in "Locked" require the cache's lock to be held. All others require that no lock is held, because they take the locks of
/// other caches one at a time.
/// </remarks>
internal sealed unsafe class RemoteFrees(
    OsMemory os, MagazineReturn magazineReturn, SpareMagazines spares, SpanReturn spanReturn, MagazinePool magazines, HeapEpoch clock)
{
    // The bytes that all magazines of an outbox may hold together. A magazine is sent when its blocks amount to its share: large blocks should not
    // wait for company, and many destinations are no reason to hold back more.
    private const int MaxOutboxBytes = 1024 * 1024;

    // With more destinations than this, they share places again; by then an outbox holds back 1 MiB in magazines alone.
    private const int LargestOutbox = 1024;

    // An owner that has not looked for this many magazines is asleep or only frees, so the sender does its work.
    private const int MaxInboxMagazines = 8;

    /// <summary>Frees a block whose page entry names another owner. Needs no memory: without a magazine, the block takes the slow way.</summary>
    public void Free(ThreadCache* cache, nint block, uint entry)
    {
        LockOrder.AssertNoneHeld();
        Invariant.Assert(PageEntry.IsOfBlocks(entry), "The entry names a cache.");
        InterleavingPoints.At(InterleavingPoint.RemoteBlockFreed);
        cache->Lock.Enter();
        cache->OutboxUsedAt = clock.Now;
        uint sizeClass = PageEntry.SizeClass(entry);
        uint ownerTag = entry & ~PageEntry.OwnerMask;
        OutboxSlot* slot = ThreadCache.Outbox(cache, PlaceOf(ownerTag, ThreadCache.OutboxSize(cache)));
        if ((slot->Magazine == null || slot->OwnerTag != ownerTag) && !TryPrepareLocked(cache, slot, ownerTag))
        {
            cache->Lock.Exit();
            ReturnAndGrow(block);
            SendPending(cache);
            return;
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

        // The magazine that had to make room for another destination is evicted, too.
        bool pending = cache->Pending != null;
        cache->Lock.Exit();
        if (pending)
        {
            SendAndWiden(cache);
        }
    }

    /// <summary>Sends everything that a cache has gathered or found to belong to other owners, and makes its outbox small again.</summary>
    public void Flush(ThreadCache* cache)
    {
        LockOrder.AssertNoneHeld();
        cache->Lock.Enter();
        int size = ThreadCache.OutboxSize(cache);
        for (int i = 0; i < size; i++)
        {
            EvictLocked(cache, ThreadCache.Outbox(cache, i));
        }

        OutboxSlot* large = cache->LargeOutbox;
        cache->LargeOutbox = null;
        cache->OutboxCollisions = 0;
        cache->Lock.Exit();
        os.Free(large);
        SendPending(cache);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void SendAndWiden(ThreadCache* cache)
    {
        SendPending(cache);
        if (cache->OutboxCollisions > ThreadCache.OutboxSize(cache))
        {
            Widen(cache);
        }
    }

    private static int ShareOf(int outboxSize) => MaxOutboxBytes >> BitOperations.Log2((uint)outboxSize);

    // Doubles the number of places, so that destinations do not displace each other. Without memory, everything goes on as before. Called by the
    // cache's thread.
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

    /// <summary>
    /// Sends on what was put aside under the cache's lock: full or evicted magazines, and blocks that were found to belong elsewhere.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void SendPending(ThreadCache* cache)
    {
        LockOrder.AssertNoneHeld();
        // A glance without the lock. Only the holder's own slow path, or maintenance, puts something here, and either comes back.
        if (Volatile.Read(ref *(nint*)&cache->Pending) != 0)
        {
            SendAllPending(cache);
        }
    }

    private void SendAllPending(ThreadCache* cache)
    {
        cache->Lock.Enter();
        Magazine* magazine = cache->Pending;
        cache->Pending = null;
        cache->Lock.Exit();
        InterleavingPoints.At(InterleavingPoint.OutboxTaken);
        while (magazine != null)
        {
            Magazine* next = magazine->Next;
            if (magazine->IsMixed)
            {
                ReturnEach(magazine);
            }
            else
            {
                Send(magazine);
            }

            magazine = next;
        }
    }

    /// <summary>Takes in what other threads have sent to a cache, whichever thread owns it.</summary>
    public void DrainInbox(ThreadCache* owner)
    {
        LockOrder.AssertNoneHeld();
        owner->Lock.Enter();
        magazineReturn.DrainInbox(owner);
        owner->Lock.Exit();
        SendPending(owner);
    }

    // This block takes the slow way; the next ones find magazines if there is memory for them.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ReturnAndGrow(nint block)
    {
        spanReturn.ReturnOne(block);
        magazines.TryGrow();
    }

    private void ReturnEach(Magazine* magazine)
    {
        for (int i = 0; i < magazine->Count; i++)
        {
            spanReturn.ReturnOne(Magazine.Blocks(magazine)[i]);
        }

        magazines.Give(magazine);
    }

    // A magazine whose blocks had one owner when they were gathered. Where they belong now is looked up, and whichever thread takes them in checks
    // each one again.
    private void Send(Magazine* magazine)
    {
        ThreadCache* owner = SpanReturn.OwnerOf(*Magazine.Blocks(magazine));
        if (owner == null)
        {
            ReturnEach(magazine);
            return;
        }

        InterleavingPoints.At(InterleavingPoint.OwnerRead);
        nint head;
        do
        {
            head = Volatile.Read(ref owner->Inbox);
            magazine->Next = (Magazine*)head;
            InterleavingPoints.At(InterleavingPoint.InboxRead);
        }
        while (Interlocked.CompareExchange(ref owner->Inbox, (nint)magazine, head) != head);
        InterleavingPoints.At(InterleavingPoint.InboxFilled);

        // An orphan, like the central cache, has no thread that looks into the inbox.
        if (Interlocked.Increment(ref owner->InboxCount) > MaxInboxMagazines || !ThreadCache.IsOwned(owner))
        {
            DrainInbox(owner);
        }
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
