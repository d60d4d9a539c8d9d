using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Caches;
using SpanHeap.Checks;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Blocks;

/// <summary>
/// Manages blocks that share a span with others of their size class: does what is needed when a thread's stack of the class is empty or full.
/// </summary>
/// <remarks>For the thread that has the cache. The caller must not hold a lock.</remarks>
internal sealed unsafe class SmallBlocks(
    StackRefill refill, StackFlush flush, StackRoom room, RemoteFrees remote, GatheredFrees gathered, SpanReturn spanReturn, MagazinePool magazines, ArenaSource arenas)
{
    /// <summary>The cache of spans that no thread's cache owns. Set once, when the heap has one.</summary>
    public ThreadCache* Central { get; set; }

    /// <summary>Allocates a block, whose contents are undefined. Returns null, with the reason in the request, when there is none.</summary>
    public void* TryAllocate(ThreadCache* cache, ref BlockRequest request)
    {
        LockOrder.AssertNoneHeld();
        Invariant.Assert(!SizeClasses.IsOwnSpan(request.SizeClass) && cache != ThreadCache.None, "A cache of the thread serves a class whose spans hold several blocks.");
        void* block;
        while ((block = TryServe(cache, request.SizeClass, out RefillResult result)) == null)
        {
            InterleavingPoints.At(InterleavingPoint.PagesRefused);
            bool helped = result switch
            {
                RefillResult.NeedsMagazines => magazines.TryGrow(),
                RefillResult.NeedsPages => arenas.TryGrow((int)request.Pages, alignment: 1),
                _ => false,
            };
            if (!helped)
            {
                request.IsAtLimit = result == RefillResult.AtLimit;
                return null;
            }
        }

        request.NeedsZero = true;
        return block;
    }

    /// <summary>
    /// Allocates a block from the thread's stack, which is refilled if it is empty. Returns null, with what is lacking, when that is in vain.
    /// </summary>
    public void* TryServe(ThreadCache* cache, uint sizeClass, out RefillResult result)
    {
        result = RefillResult.Done;
        ClassStack* stack = room.ServingStack(cache, sizeClass);
        if (ClassStack.TryPop(stack, out void* block))
        {
            return block;
        }

        InterleavingPoints.At(InterleavingPoint.RefillBegins);
        cache->Lock.Enter();
        result = refill.Refill(cache, Central, sizeClass, stack);
        cache->Lock.Exit();
        remote.SendPending(cache);
        if (result == RefillResult.Done)
        {
            ClassStack.TryPop(stack, out block);
        }

        return block;
    }

    /// <summary>Frees a block: to the thread's own stack, or on its way to the cache that owns its span. Needs no memory.</summary>
    /// <param name="cache">The thread's cache; null when there is no memory for one.</param>
    /// <param name="block">The block.</param>
    public void Free(ThreadCache* cache, in BlockAddress block)
    {
        if (cache == null)
        {
            spanReturn.ReturnOne(block.Address);
        }
        else if (block.Entry - cache->Owner.Tag > PageEntry.OwnerMask)
        {
            FreeRemote(cache, block.Address, block.Entry);
        }
        else
        {
            Push(cache, block.SizeClass, block.Address);
        }
    }

    /// <summary>Determines whether a slot is the right place for a given number of bytes: it holds them and is not wasted on them.</summary>
    public static bool Fits(nuint slotBytes, nuint needed) => needed <= slotBytes && !GrowthPolicy.IsWorthMoving(slotBytes, needed);

    /// <summary>
    /// Resizes a block of the thread's own cache without a lock: in place, or by a copy to a block that is on one of the thread's stacks. Returns
    /// false, with nothing changed, for any other block and where a slow path is needed. The caller frees a block that has moved. For heaps without
    /// full checks.
    /// </summary>
    public static bool TryResize(ThreadCache* cache, nint address, nuint byteCount, out void* resized)
    {
        resized = null;
        if (!TryFindOwn(cache, address, out uint sizeClass, out Span* span, out int slot))
        {
            return false;
        }

        nuint usable = SizeClasses.Info(sizeClass).Size;
        if (Fits(usable, byteCount))
        {
            resized = (void*)address;
            return true;
        }

        nuint wanted = GrowthPolicy.WithRoom(usable, byteCount);
        if (wanted > SizeClasses.MaxSharedSize || !AllocBits.IsSet(ArenaHeader.AllocBits(span), slot) || !ThreadCache.TryAlloc(cache, wanted, out resized))
        {
            return false;
        }

        NativeMemory.Copy((void*)address, resized, Math.Min(usable, byteCount));
        return true;
    }

    /// <summary>
    /// Gets the size of a block of the thread's own cache without a lock. Returns false for any other address. For heaps without full checks, which
    /// know of each block how many bytes were requested.
    /// </summary>
    public static bool TryGetSize(ThreadCache* cache, nint address, out nuint byteCount)
    {
        bool isOwn = TryFindOwn(cache, address, out uint sizeClass, out _, out _);
        byteCount = isOwn ? SizeClasses.Info(sizeClass).Size : 0;
        return isOwn;
    }

    /// <summary>Frees a block of another cache, which its page entry has just named. Needs no memory.</summary>
    public void FreeRemote(ThreadCache* cache, nint block, uint entry)
    {
        if (!gathered.TryFree(cache, block, entry))
        {
            remote.Free(cache, block, entry);
        }
    }

    /// <summary>Frees a block of the thread's own cache. Needs no memory.</summary>
    public void Push(ThreadCache* cache, uint sizeClass, nint block)
    {
        LockOrder.AssertNoneHeld();
        ClassStack* stack = room.ServingStack(cache, sizeClass);
        if (ClassStack.TryPush(stack, (void*)block))
        {
            return;
        }

        cache->Lock.Enter();
        flush.MakeRoom(cache, sizeClass, stack);
        cache->Lock.Exit();
        if (magazines.IsEmpty)
        {
            // A full stack without an empty magazine is returned to its spans block by block, and its blocks may be wanted right afterwards.
            magazines.TryGrow();
        }

        remote.SendPending(cache);
        if (!ClassStack.TryPush(stack, (void*)block))
        {
            spanReturn.ReturnOne(block);
        }
    }

    // Finds the slot that an address is the first byte of, in a span that the thread's own cache has. Under a block of ours, only our own slow paths
    // change the entry.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryFindOwn(ThreadCache* cache, nint address, out uint sizeClass, out Span* span, out int slot)
    {
        sizeClass = SizeClasses.None;
        span = null;
        slot = 0;
        if (!ArenaMap.IsInArena(address))
        {
            return false;
        }

        uint entry = *ArenaHeader.EntryOf(address);
        sizeClass = PageEntry.SizeClass(entry);
        return entry - cache->Owner.Tag <= PageEntry.OwnerMask && !SizeClasses.IsOwnSpan(sizeClass) && LiveBits.TryFindSlot(address, entry, out span, out slot);
    }
}
