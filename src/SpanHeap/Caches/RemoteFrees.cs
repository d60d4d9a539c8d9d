using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// Blocks freed by a thread that is not their owner: gathered by destination in the freeing thread's outbox, sent as magazines to the
/// owner's inbox, taken in by the owner, maintenance, or a sender who finds the inbox too full.
/// </summary>
/// <remarks>
/// Methods that end in "Locked" want the cache's lock held; all others want no lock held, because they take other caches' locks one
/// at a time.
/// </remarks>
internal sealed unsafe class RemoteFrees(
    OsMemory os, CacheStock stock, BlockReturn blockReturn, MagazinePool magazines, MisuseLog misuse, HeapClock clock)
{
    // What all magazines of an outbox may hold together. One goes when its blocks amount to its share: large blocks should not wait for
    // company, and many destinations are no reason to hold back more.
    private const uint MaxOutboxBytes = 1024 * 1024;

    // Beyond so many destinations they share places again: what an outbox holds back in magazines alone is 1 MiB by then.
    private const int LargestOutbox = 1024;

    // An owner that has not looked for so many magazines is asleep or only frees: the sender does its work.
    private const int MaxInboxMagazines = 8;

    /// <summary>Frees a block whose page entry names another owner. Needs no memory: without a magazine it goes the slow way.</summary>
    public void Free(ThreadCache* cache, nint block, uint entry)
    {
        InterleavingPoints.At(InterleavingPoint.RemoteBlockFreed);
        cache->Lock.Enter();
        cache->OutboxUsedAt = clock.Now;
        uint sizeClass = PageEntry.SizeClass(entry);
        OutboxSlot* slot = SlotForLocked(cache, entry & ~PageEntry.OwnerMask);
        Magazine* magazine = slot->Magazine;
        if (magazine == null)
        {
            cache->Lock.Exit();
            ReturnAndGrow(block);
            SendPending(cache);
            return;
        }

        int count = magazine->Count;
        magazine->SizeClass = count == 0 || magazine->SizeClass == sizeClass ? (byte)sizeClass : (byte)SizeClasses.None;
        Magazine.Blocks(magazine)[count] = block;
        magazine->Count = ++count;
        uint share = MaxOutboxBytes / (uint)ThreadCache.OutboxSize(cache);
        slot->Bytes += Math.Min((uint)SizeClasses.Info(sizeClass).Size, share);
        bool full = count == Magazine.Capacity || slot->Bytes >= share;
        if (full)
        {
            EvictLocked(cache, slot);
        }

        // Evicted, too, is what had to make room for another destination.
        bool pending = cache->Pending != null;
        bool crowded = cache->OutboxCollisions > ThreadCache.OutboxSize(cache);
        cache->Lock.Exit();
        if (pending)
        {
            SendPending(cache);
        }

        if (crowded)
        {
            Widen(cache);
        }
    }

    /// <summary>Sends all that a cache has gathered and found to be others', and makes its outbox small again.</summary>
    public void Flush(ThreadCache* cache)
    {
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

    // Twice as many places, so that destinations do not drive each other out. Without memory all goes on as it was. By the cache's thread.
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
            // A flush may have made it small again meanwhile: it is larger then than twice the size, which is no harm.
            int oldSize = ThreadCache.OutboxSize(cache);
            for (int i = 0; i < oldSize; i++)
            {
                OutboxSlot* slot = ThreadCache.Outbox(cache, i);
                if (slot->Magazine != null)
                {
                    larger[PlaceOf(slot->OwnerTag, size)] = *slot;
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

    // Sizes are powers of two, so that destinations which do not meet in an outbox do not meet in a larger one.
    private static int PlaceOf(uint ownerTag, int size) => (int)((ownerTag >> PageEntry.OwnerShift) & (uint)(size - 1));

    /// <summary>Sends on what was put aside under the cache's lock: full or evicted magazines, and blocks found to belong elsewhere.</summary>
    public void SendPending(ThreadCache* cache)
    {
        // A glance without the lock: only the holder's own slow path, or maintenance, puts something here, and either comes back.
        if (Volatile.Read(ref *(nint*)&cache->Pending) == 0)
        {
            return;
        }

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

    /// <summary>Takes in what others have sent to a cache, whoever's it is.</summary>
    public void DrainInbox(ThreadCache* owner)
    {
        owner->Lock.Enter();
        stock.DrainInbox(owner);
        owner->Lock.Exit();
        SendPending(owner);
    }

    // This block goes the slow way; the next ones find magazines if there is memory for them.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ReturnAndGrow(nint block)
    {
        ReturnOne(block);
        magazines.TryGrow();
    }

    /// <summary>Returns one block by its owner's protocol: find out whose it is, take that lock, make sure, return it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void ReturnOne(nint block)
    {
        while (true)
        {
            ThreadCache* owner = OwnerOf(block);
            if (owner == null)
            {
                misuse.Record(block, MisuseKind.DoubleFree);
                return;
            }

            InterleavingPoints.At(InterleavingPoint.OwnerRead);
            owner->Lock.Enter();
            bool others = blockReturn.Return(owner, &block, 1) != 0;
            owner->Lock.Exit();
            if (!others)
            {
                return;
            }
        }
    }

    private void ReturnEach(Magazine* magazine)
    {
        for (int i = 0; i < magazine->Count; i++)
        {
            ReturnOne(Magazine.Blocks(magazine)[i]);
        }

        magazines.Give(magazine);
    }

    // A magazine whose blocks had one owner when they were gathered. Where they belong by now is looked up; who takes them in checks
    // each again.
    private void Send(Magazine* magazine)
    {
        ThreadCache* owner = OwnerOf(*Magazine.Blocks(magazine));
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

        // An orphan, and the central cache, have no thread to look into the inbox.
        if (Interlocked.Increment(ref owner->InboxCount) > MaxInboxMagazines || !ThreadCache.IsOwned(owner))
        {
            DrainInbox(owner);
        }
    }

    private OutboxSlot* SlotForLocked(ThreadCache* cache, uint ownerTag)
    {
        OutboxSlot* slot = ThreadCache.Outbox(cache, PlaceOf(ownerTag, ThreadCache.OutboxSize(cache)));
        if (slot->Magazine != null && slot->OwnerTag != ownerTag)
        {
            cache->OutboxCollisions++;
            EvictLocked(cache, slot);
        }

        if (slot->Magazine == null)
        {
            slot->OwnerTag = ownerTag;
            slot->Bytes = 0;
            slot->Magazine = stock.TakeEmpty(cache);
        }

        return slot;
    }

    private static void EvictLocked(ThreadCache* cache, OutboxSlot* slot)
    {
        if (slot->Magazine != null)
        {
            slot->Magazine->Next = cache->Pending;
            cache->Pending = slot->Magazine;
            slot->Magazine = null;
        }
    }

    private static ThreadCache* OwnerOf(nint block)
    {
        uint entry = Volatile.Read(ref *ArenaHeader.EntryOf(block));
        return entry == PageEntry.Unused || PageEntry.IsInside(entry) ? null : ThreadCachePool.ByEntry(entry);
    }
}
