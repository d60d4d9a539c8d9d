using System.Runtime.CompilerServices;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// Blocks that are spans of their own. The few that a thread freed last stay with it (<see cref="LargeStack"/>); all others are pages of
/// the page heap as soon as they are freed, where they may become part of longer or shorter blocks.
/// </summary>
/// <remarks>With full checks, which look at every call, they stay where fast paths do not look: in the hidden stack.</remarks>
internal sealed unsafe class LargeBlocks(SpanSource spans, RemoteFrees remote, MisuseLog misuse, ParkingBudget budget, bool hidden)
{
    /// <summary>The fast path: a block of so many bytes that the thread freed lately. For the owning thread.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryTakeKept(ThreadCache* cache, nuint byteCount, out void* block)
    {
        nint kept = 0;
        bool found = cache->Large.Count > 0 && byteCount - (SizeClasses.MaxSharedSize + 1) < LargeStack.MaxBlockBytes - SizeClasses.MaxSharedSize
            && cache->Large.TryTake(SizeClasses.Of(byteCount), out kept);
        block = (void*)kept;
        return found;
    }

    /// <summary>A block of a class that the thread freed lately. Its contents are what they were. For the owning thread.</summary>
    public bool TryTakeKept(ThreadCache* cache, uint sizeClass, out nint block) =>
        ThreadCache.LargeOf(cache, hidden)->TryTake(sizeClass, out block);

    /// <summary>Keeps a freed block of a class of own spans, at the cost of those kept longest. For the owning thread.</summary>
    public void Keep(ThreadCache* cache, uint sizeClass, nint block)
    {
        LargeStack* kept = ThreadCache.LargeOf(cache, hidden);
        kept->Shift = budget.Shift;
        if (SizeClasses.Info(sizeClass).Size > LargeStack.MaxBlockBytes >> kept->Shift)
        {
            remote.ReturnOne(block);
            return;
        }

        if (kept->Contains(sizeClass, block))
        {
            misuse.Record(block, MisuseKind.DoubleFree);
            return;
        }

        while (!kept->TryAdd(sizeClass, block))
        {
            remote.ReturnOne(kept->TakeOldest());
        }
    }

    /// <summary>Prepares the cache of a thread that begins.</summary>
    public void Begin(ThreadCache* cache) => ThreadCache.LargeOf(cache, hidden)->Shift = budget.Shift;

    /// <summary>Returns all kept blocks of a cache whose stacks are the caller's (<see cref="StackDrain"/>).</summary>
    public void Drain(ThreadCache* cache)
    {
        LargeStack* kept = ThreadCache.LargeOf(cache, hidden);
        while (kept->Count > 0)
        {
            remote.ReturnOne(kept->TakeOldest());
        }
    }

    /// <summary>A fresh block, of a class or (<see cref="SizeClasses.None"/>) of whole pages; null, with the reason, when pages are lacking.</summary>
    public void* TryCreate(ThreadCache* owner, uint sizeClass, int pages, int pageAlignment, int room, out bool needsZero, out PageRefusal refusal)
    {
        Span* span = sizeClass != SizeClasses.None
            ? spans.TryCreate(sizeClass, (nint)owner, owner->OwnerTag, room, out needsZero, out refusal)
            : spans.TryCreateRun(pages, pageAlignment, room, (nint)owner, owner->OwnerTag, out needsZero, out refusal);
        return span == null ? null : (void*)span->Base;
    }
}
