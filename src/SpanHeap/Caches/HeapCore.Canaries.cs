using System.Diagnostics.CodeAnalysis;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>Heaps with full checks: what lies behind blocks and in free ones, where blocks change hands.</summary>
internal sealed unsafe partial class HeapCore
{
    // A block in the program's hands has so many bytes from now on. One that is huge, and the platform's, has no slot.
    private static void Arm(nint block, nuint byteCount)
    {
        if (ArenaMap.Holds(block))
        {
            BlockCanary.Arm(block, byteCount, SizeOf(block, Volatile.Read(ref *ArenaHeader.EntryOf(block))));
        }
    }

    // It is served all the same: what is in it is undefined anyhow, and one that is kept back would be lost.
    private void CheckPoison(nint block, uint sizeClass)
    {
        if (FreePoison.FindDamage(block, (nuint)SizeClasses.Info(sizeClass).Size) != 0)
        {
            Misuse.Record(block, MisuseKind.WriteAfterFree);
            NoteActivity();
        }
    }

    // A freed block waits; what leaves for it goes the way of all freed blocks.
    private void KeepBack(ThreadCache* cache, nint block, uint entry)
    {
        if (!_quarantine!.TryAdd(block, PageEntry.SizeClass(entry), out nint leaving))
        {
            GiveBack(cache, block, entry);
            return;
        }

        for (; leaving != 0 || (leaving = _quarantine.TakeOverdue()) != 0; leaving = 0)
        {
            GiveBack(cache, leaving, Volatile.Read(ref *ArenaHeader.EntryOf(leaving)));
        }
    }

    /// <summary>Checks some of the freed blocks that are kept back, and returns them to their spans.</summary>
    /// <param name="place">Where to look on; 0 at first.</param>
    /// <param name="most">How many at most.</param>
    /// <returns>Whether there may be more.</returns>
    public bool ReleaseKeptBack(ref int place, int most)
    {
        nint block = 0;
        for (int released = 0; released < most && (block = _quarantine!.TakeNext(ref place)) != 0; released++)
        {
            _remote.ReturnOne(block);
        }

        return block != 0;
    }

    // Of a heap whose blocks go with it.
    private void CheckKeptBack()
    {
        int place = 0;
        while (_quarantine != null && _quarantine.TakeNext(ref place) != 0)
        {
        }
    }

    // Named is an address on the page that has the entry. The block may be freed, and its pages become others', while it is looked at, but not
    // as long as the owner's lock is held. A span that has changed its owner meanwhile is looked at under the lock of the new one.
    private static nuint ByteCountOf(nint named, uint entry, nint block, nuint slotBytes)
    {
        while (true)
        {
            ThreadCache* owner = ThreadCachePool.ByEntry(entry);
            owner->Lock.Enter();
            uint current = *ArenaHeader.EntryOf(named);
            nuint byteCount = current == entry ? ByteCountOf(block, slotBytes) : slotBytes;
            owner->Lock.Exit();
            if (current == entry || !PageEntry.IsSameSpan(current, entry))
            {
                return byteCount;
            }

            entry = current;
        }
    }

    private static nuint ByteCountOf(nint block, nuint slotBytes) =>
        BlockCanary.TryGetByteCount(block, slotBytes, out nuint byteCount) ? byteCount : slotBytes;

    /// <exception cref="HeapCorruptionException">Bytes behind the block were written to.</exception>
    private static nuint RequireByteCount(nint block, nuint slotBytes)
    {
        nint damage = BlockCanary.FindDamage(block, slotBytes);
        if (damage != 0)
        {
            ThrowOverflow(block, slotBytes, damage);
        }

        return ByteCountOf(block, slotBytes);
    }

    /// <exception cref="HeapCorruptionException">Always.</exception>
    [DoesNotReturn]
    internal static void ThrowOverflow(nint block, nuint slotBytes, nint damage)
    {
        string size = BlockCanary.TryPresumeByteCount(block, slotBytes, out nuint byteCount)
            ? $"is {damage - block - (nint)byteCount} bytes behind its {byteCount}"
            : $"is {damage - block} bytes from its start, behind its end";
        throw new HeapCorruptionException(
            $"0x{block:x} was written to behind its end: the first changed byte {size}.", block, MisuseKind.Overflow);
    }
}
