using System.Runtime.CompilerServices;
using SpanHeap.Caches;
using SpanHeap.Checks;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Blocks;

/// <summary>
/// Manages blocks with spans of their own. The few that a thread freed last stay with it (<see cref="LargeCache"/>). All others become pages of the
/// page heap as soon as they are freed, and may then become part of longer or shorter blocks.
/// </summary>
/// <remarks>
/// For the thread that has the cache, unless a method says otherwise. The caller must not hold a lock. With full checks, which must see every call,
/// kept blocks stay where fast paths do not find them: in the hidden stack.
/// </remarks>
internal sealed unsafe class LargeBlocks(
    SpanSource spans, ArenaSource arenas, HeapLimit limit, RemoteFrees remote, SpanReturn spanReturn, MisuseLog misuse, ParkingBudget budget, bool hidden)
{
    // The size in bytes of the smallest block with a span of its own.
    private const nuint Smallest = SizeClasses.MaxSharedSize + 1;

    /// <summary>The owner of blocks without a class. Set once, when the heap has one.</summary>
    public ThreadCache* Central { get; set; }

    /// <summary>Takes a block of a given size, which may be any, that the thread freed recently and that fast paths may see.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryTakeKept(ThreadCache* cache, nuint byteCount, out void* block)
    {
        nint kept = 0;
        bool found = cache->Large.Count > 0 && byteCount - Smallest < LargeCache.MaxBlockBytes - SizeClasses.MaxSharedSize
            && cache->Large.TryTake(SizeClasses.Of(byteCount), out kept);
        block = (void*)kept;
        return found;
    }

    /// <summary>Keeps a freed block of the cache's own, if no other block has to leave for it and fast paths may see it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryKeep(ThreadCache* cache, uint sizeClass, nint block) => !hidden && sizeClass != SizeClasses.None && cache->Large.TryAdd(sizeClass, block);

    /// <summary>Allocates a block. Returns null, with the reason in the request, when there is none.</summary>
    public void* TryAllocate(ThreadCache* cache, ref BlockRequest request)
    {
        LockOrder.AssertNoneHeld();
        Invariant.Assert(SizeClasses.IsOwnSpan(request.SizeClass), "A large block has a span of its own.");
        bool mayBeKept = request.SizeClass != SizeClasses.None && request.Room == 0 && !request.WasKeptAsked;
        if (mayBeKept && ThreadCache.LargeOf(cache, hidden)->TryTake(request.SizeClass, out nint kept))
        {
            request.NeedsZero = true;
            return (void*)kept;
        }

        request.WasKeptAsked = true;
        return TryCreate(request.SizeClass == SizeClasses.None ? Central : cache, ref request);
    }

    /// <summary>Frees a block. Needs no memory.</summary>
    /// <param name="cache">The thread's cache; null when there is no memory for one.</param>
    /// <param name="block">The block.</param>
    public void Free(ThreadCache* cache, in BlockAddress block)
    {
        if (cache == null || block.SizeClass == SizeClasses.None)
        {
            spanReturn.ReturnOne(block.Address);
        }
        else if (block.Entry - cache->Owner.Tag > PageEntry.OwnerMask)
        {
            remote.Free(cache, block.Address, block.Entry);
        }
        else
        {
            Keep(cache, block.SizeClass, block.Address);
        }
    }

    /// <summary>
    /// Extends a block in place if the pages after it are free, or gives back what it no longer has to hold. Called by any thread that has the block.
    /// </summary>
    /// <param name="block">The block, which belongs to the caller.</param>
    /// <param name="slotBytes">The bytes of its slot.</param>
    /// <param name="needed">The number of bytes that it must hold.</param>
    /// <param name="wanted">The number of bytes that it should get, because it is expected to grow.</param>
    /// <param name="hasChanged">Whether pages came or went.</param>
    /// <returns>Whether the block stays and now holds the needed bytes; otherwise nothing has changed.</returns>
    public bool TryResize(in BlockAddress block, nuint slotBytes, nuint needed, nuint wanted, out bool hasChanged)
    {
        hasChanged = false;
        if (needed > slotBytes)
        {
            hasChanged = TrySetBytes(block, wanted, needed) || (wanted != needed && TrySetBytes(block, needed, needed));
            return hasChanged;
        }

        // The room that a growing block was given for its growth is not too much.
        bool isMuchLess = GrowthPolicy.IsWorthCutting(slotBytes, needed);
        nuint asked = isMuchLess ? SpanSource.BytesWithoutRoom(block.Address, slotBytes) : slotBytes;
        if (needed <= SizeClasses.MaxSharedSize && GrowthPolicy.IsWorthMoving(asked, needed))
        {
            return false;
        }

        hasChanged = isMuchLess && TryCut(block, asked, needed);
        return true;
    }

    /// <summary>Gives back what a block need not hold, as far as it is worth it.</summary>
    /// <param name="block">The block, which belongs to the caller.</param>
    /// <param name="asked">The number of bytes that were requested.</param>
    /// <param name="needed">The number of bytes that it must hold.</param>
    /// <returns>Whether anything was given back.</returns>
    public bool TryCut(in BlockAddress block, nuint asked, nuint needed)
    {
        nuint least = Math.Max(needed, Smallest);
        return GrowthPolicy.IsWorthCutting(asked, least) && TrySetBytes(block, least, least);
    }

    /// <summary>Prepares the cache of a thread that begins.</summary>
    public void Begin(ThreadCache* cache) => ThreadCache.LargeOf(cache, hidden)->Shift = budget.LargeShift;

    /// <summary>Returns all kept blocks of a cache whose stacks belong to the caller (<see cref="StackDrain"/>).</summary>
    public void Drain(ThreadCache* cache)
    {
        LargeCache* kept = ThreadCache.LargeOf(cache, hidden);
        while (kept->Count > 0)
        {
            spanReturn.ReturnOne(kept->TakeOldest());
        }
    }

    /// <summary>
    /// Gets the bytes of a block of whole pages, which only its span knows; 0 when the entry has just become outdated. Called by any thread.
    /// </summary>
    public static nuint BytesOfRun(nint start, uint entry)
    {
        // The record is guaranteed to be this span only while its owner's lock is held.
        ThreadCache* owner = ThreadCachePool.ByEntry(entry);
        owner->Lock.Enter();
        nuint bytes = *ArenaHeader.EntryOf(start) == entry ? ArenaHeader.SpanAt(start)->SlotSize : 0;
        owner->Lock.Exit();
        return bytes;
    }

    private void* TryCreate(ThreadCache* owner, ref BlockRequest request)
    {
        int pages = (int)request.Pages;
        int alignment = (int)request.PageAlignment;
        while (true)
        {
            Span* span = request.SizeClass != SizeClasses.None
                ? spans.TryCreate(request.SizeClass, &owner->Owner, request.Room, out bool needsZero, out PageRefusal refusal)
                : spans.TryCreateRun(pages, alignment, request.Room, &owner->Owner, out needsZero, out refusal);
            if (span != null)
            {
                request.NeedsZero = needsZero;
                return (void*)span->Base;
            }

            // Where memory is short, room to grow is not worth waiting for.
            request.Room = 0;
            InterleavingPoints.At(InterleavingPoint.PagesRefused);
            if (refusal != PageRefusal.NoRun || !arenas.TryGrow(pages, alignment))
            {
                request.IsAtLimit = refusal == PageRefusal.Limit;
                return null;
            }
        }
    }

    // At the expense of those kept longest.
    private void Keep(ThreadCache* cache, uint sizeClass, nint block)
    {
        LargeCache* kept = ThreadCache.LargeOf(cache, hidden);
        kept->Shift = budget.LargeShift;
        if (SizeClasses.Info(sizeClass).Size > LargeCache.MaxBlockBytes >> kept->Shift)
        {
            spanReturn.ReturnOne(block);
            return;
        }

        if (kept->Contains(sizeClass, block))
        {
            misuse.Record(block, MisuseKind.DoubleFree);
            return;
        }

        while (!kept->TryAdd(sizeClass, block))
        {
            spanReturn.ReturnOne(kept->TakeOldest());
        }
    }

    // What is requested beyond what is needed is room for growth.
    private bool TrySetBytes(in BlockAddress block, nuint byteCount, nuint needed)
    {
        if (byteCount < Smallest || PageGeometry.PagesFor(byteCount) > (nuint)arenas.Geometry.MaxRun)
        {
            return false;
        }

        ThreadCache* owner = ThreadCachePool.ByEntry(block.Entry);
        uint newClass = owner != Central && byteCount <= SizeClasses.MaxClassSize ? SizeClasses.Of(byteCount) : SizeClasses.None;
        int pages = newClass != SizeClasses.None ? SizeClasses.Info(newClass).Pages : (int)PageGeometry.PagesFor(byteCount);
        int room = byteCount > needed ? pages - (int)PageGeometry.PagesFor(needed) : 0;
        return TryResizeSpan(owner, block, pages, newClass, room, out nint end, out int lacking)
            || (lacking > 0 && limit.IsWithinLimit(lacking) && arenas.TryOpenBehind(end, lacking)
                && TryResizeSpan(owner, block, pages, newClass, room, out _, out _));
    }

    // If it cannot, it says where the span ends and how many pages it lacks.
    private bool TryResizeSpan(ThreadCache* owner, in BlockAddress block, int pages, uint newClass, int room, out nint end, out int lacking)
    {
        end = 0;
        lacking = 0;
        owner->Lock.Enter();
        bool resized = false;
        if (*ArenaHeader.EntryOf(block.Address) == block.Entry)
        {
            Span* span = ArenaHeader.SpanOf(block.Address, block.Entry);
            Invariant.Assert(span->Owner == &owner->Owner && span->Base == block.Address, "An entry names the owner and the start of its span.");
            resized = spans.TryResize(span, pages, newClass, room);
            end = span->Base + ((nint)span->Pages << PageGeometry.PageShift);
            lacking = pages - span->Pages;
        }

        owner->Lock.Exit();
        return resized;
    }
}
