using System.Runtime.CompilerServices;
using SpanHeap.Os;
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
    OsMemory os, MagazineReturn magazineReturn, Outboxes outboxes, SpanReturn spanReturn, MagazinePool magazines)
{
    // An owner that has not looked for this many magazines is asleep or only frees, so the sender does its work.
    private const int MaxInboxMagazines = 8;

    /// <summary>Frees a block whose page entry names another owner. Needs no memory: without a magazine, the block takes the slow way.</summary>
    public void Free(ThreadCache* cache, nint block, uint entry)
    {
        LockOrder.AssertNoneHeld();
        InterleavingPoints.At(InterleavingPoint.RemoteBlockFreed);
        cache->Lock.Enter();
        bool added = outboxes.TryAddLocked(cache, block, entry);

        // The magazine that had to make room for another destination is put aside, too.
        bool pending = cache->Pending != null;
        cache->Lock.Exit();
        if (!added)
        {
            ReturnAndGrow(block);
        }

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
        OutboxSlot* large = Outboxes.EvictAllLocked(cache);
        cache->Lock.Exit();
        os.Free(large);
        SendPending(cache);
    }

    /// <summary>Sends what was put aside, and gives the outbox more places if destinations displace each other. Called by the cache's thread.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void SendAndWiden(ThreadCache* cache)
    {
        SendPending(cache);
        outboxes.WidenIfCrowded(cache);
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
}
