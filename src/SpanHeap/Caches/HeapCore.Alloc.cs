using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>Allocation beyond the fast path.</summary>
internal sealed unsafe partial class HeapCore
{
    /// <summary>For callers that ask for none.</summary>
    public const nuint NoAlignment = 1;

    /// <summary>What blocks of more than 8 bytes are aligned to without being asked.</summary>
    public const nuint MinAlignment = 16;

    /// <summary>Allocates a block of any size; <paramref name="cache"/> is the calling thread's, <see cref="ThreadCache.None"/> if it has none yet.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit; the heap is as it was.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void* Allocate(ThreadCache* cache, nuint byteCount, bool zeroed)
    {
        // The cache of a heap that is gone may be anybody's.
        if (!zeroed && !IsDisposed && _guard == null && LargeBlocks.TryTakeKept(cache, byteCount, out void* kept))
        {
            return kept;
        }

        void* block = TryAllocate(cache, byteCount, NoAlignment, zeroed, room: 0);
        if (block == null)
        {
            ThrowOutOfMemory(byteCount);
        }

        return block;
    }

    /// <summary>The same at an alignment, a power of two.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void* AllocateAligned(ThreadCache* cache, nuint byteCount, nuint alignment)
    {
        void* block = TryAllocate(cache, byteCount, alignment, zeroed: false, room: 0);
        if (block == null)
        {
            ThrowOutOfMemory(byteCount);
        }

        return block;
    }

    // Null when there is no memory. Room: pages that should be free behind a large block, because it is expected to grow. Extra: bytes that
    // the block gets on top for the same reason, unless it is guarded: then it ends where the program thinks that it does.
    private void* TryAllocate(ThreadCache* cache, nuint byteCount, nuint alignment, bool zeroed, int room, nuint extra = 0)
    {
        ThrowIfDisposed();
        if (cache == ThreadCache.None && (cache = TryAttachUnderPressure()) == null)
        {
            return null;
        }

        string? whyUnguarded = null;
        if (_guard != null && IsToBeGuarded(cache))
        {
            void* guarded = _guard.TryAllocate(byteCount, alignment, zeroed, out whyUnguarded);
            if (guarded != null)
            {
                return guarded;
            }

            // A stack that is kept for the first time is read by code of .NET's that may wait, and what the thread's cache held may have
            // been taken meanwhile (see StackReclaimer): the cache is the thread's again once it was looked for.
            cache = TryAttach();
            if (cache == null)
            {
                return null;
            }
        }

        // One that overflows by it cannot be had either way.
        byteCount += extra;
        nuint wanted = _fullChecks && byteCount <= nuint.MaxValue - BlockCanary.Bytes ? byteCount + BlockCanary.Bytes : byteCount;
        uint sizeClass = ClassFor(wanted, alignment);
        bool needsZero = true;
        void* block = SizeClasses.IsOwnSpan(sizeClass)
            ? TryAllocateLarge(cache, sizeClass, wanted, alignment, room, zeroed, out needsZero)
            : TryAllocateShared(cache, sizeClass);
        if (block == null)
        {
            return null;
        }

        if (zeroed && needsZero)
        {
            MemoryClearing.Clear(Os, block, byteCount);
        }

        if (whyUnguarded != null)
        {
            _guard!.NoteUnguarded(whyUnguarded);
        }

        if (_fullChecks)
        {
            Arm((nint)block, byteCount);
        }

        return block;
    }

    private ThreadCache* TryAttachUnderPressure()
    {
        Relief relief = default;
        ThreadCache* cache;
        while ((cache = TryAttach()) == null)
        {
            if (!_relief.TryRelieve(ref relief, ThreadCache.None, ThreadCache.Size, byLimit: !Arenas.IsWithinLimit(ThreadCache.Size)))
            {
                return null;
            }
        }

        return cache;
    }

    // Counts allocations that come here as those are that do not.
    private bool IsToBeGuarded(ThreadCache* cache)
    {
        if (_sampler == null)
        {
            return true;
        }

        if (cache->UntilSample > 0)
        {
            cache->UntilSample--;
            return false;
        }

        cache->UntilSample = _sampler.Draw();
        return true;
    }

    private static uint ClassFor(nuint byteCount, nuint alignment)
    {
        if (byteCount > SizeClasses.MaxClassSize)
        {
            return SizeClasses.None;
        }

        return alignment <= MinAlignment && (byteCount > 8 || alignment <= 8) ? SizeClasses.Of(byteCount) : SizeClasses.OfAligned(byteCount, alignment);
    }

    private void* TryAllocateShared(ThreadCache* cache, uint sizeClass)
    {
        ClassStack* stack = _stock.ServingStack(cache, sizeClass);
        void* block;
        while (!ClassStack.TryPop(stack, out block))
        {
            if (!TryRefill(cache, sizeClass, stack))
            {
                return null;
            }
        }

        if (_guard == null)
        {
            // Allocations are counted on the fast path of all heaps; here nobody waits for the end of the count.
            cache->UntilSample = int.MaxValue;
        }

        if (_fullChecks)
        {
            CheckPoison((nint)block, sizeClass);
            LiveBits.Set((nint)block);
        }

        return block;
    }

    private bool TryRefill(ThreadCache* cache, uint sizeClass, ClassStack* stack)
    {
        Relief relief = default;
        while (true)
        {
            InterleavingPoints.At(InterleavingPoint.RefillBegins);
            cache->Lock.Enter();
            RefillResult result = _stock.Refill(cache, Central, sizeClass, stack);
            cache->Lock.Exit();
            _remote.SendPending(cache);
            if (result == RefillResult.Done)
            {
                return true;
            }

            InterleavingPoints.At(InterleavingPoint.PagesRefused);
            bool helped = result switch
            {
                RefillResult.NeedsMagazines => Magazines.TryGrow(),
                RefillResult.NeedsPages => Arenas.TryGrow(SizeClasses.Info(sizeClass).Pages, alignment: 1),
                _ => false,
            };
            nuint byteCount = (nuint)SizeClasses.Info(sizeClass).Pages << PageGeometry.PageShift;
            if (!helped && !_relief.TryRelieve(ref relief, cache, byteCount, byLimit: result == RefillResult.AtLimit))
            {
                return false;
            }
        }
    }

    private void* TryAllocateLarge(ThreadCache* cache, uint sizeClass, nuint byteCount, nuint alignment, int room, bool zeroed, out bool needsZero)
    {
        needsZero = true;
        if (sizeClass == SizeClasses.None || room != 0 || !_large.TryTakeKept(cache, sizeClass, out nint block))
        {
            nuint pages = sizeClass != SizeClasses.None ? (nuint)SizeClasses.Info(sizeClass).Pages : PageGeometry.PagesFor(Math.Max(byteCount, 1));
            if (!Pages.Geometry.Fits(pages, Math.Max(1, alignment >> PageGeometry.PageShift)))
            {
                needsZero = false;
                return TryAllocateHuge(cache, _fullChecks && byteCount > BlockCanary.Bytes ? byteCount - BlockCanary.Bytes : byteCount, alignment, zeroed);
            }

            block = (nint)TryCreateLarge(cache, sizeClass, (int)pages, alignment, room, out needsZero);
        }

        if (block != 0 && _fullChecks)
        {
            LiveBits.Set(block);
        }

        return (void*)block;
    }

    private void* TryCreateLarge(ThreadCache* cache, uint sizeClass, int pages, nuint alignment, int room, out bool needsZero)
    {
        Relief relief = default;
        ThreadCache* owner = sizeClass == SizeClasses.None ? Central : cache;
        int pageAlignment = (int)Math.Max(1, alignment >> PageGeometry.PageShift);
        while (true)
        {
            void* block = _large.TryCreate(owner, sizeClass, pages, pageAlignment, room, out needsZero, out PageRefusal refusal);
            if (block != null)
            {
                return block;
            }

            room = 0;
            InterleavingPoints.At(InterleavingPoint.PagesRefused);
            bool helped = refusal == PageRefusal.NoRun && Arenas.TryGrow(pages, pageAlignment);
            if (!helped && !_relief.TryRelieve(ref relief, cache, (nuint)pages << PageGeometry.PageShift, byLimit: refusal == PageRefusal.Limit))
            {
                return null;
            }
        }
    }

    private void* TryAllocateHuge(ThreadCache* cache, nuint byteCount, nuint alignment, bool zeroed)
    {
        byteCount = Math.Max(byteCount, 1);
        if (HugeCache.TryTake(byteCount, alignment, out HugeBlock kept))
        {
            if (zeroed)
            {
                MemoryClearing.Clear(Os, (void*)kept.Address, byteCount);
            }

            return (void*)kept.Address;
        }

        Relief relief = default;
        while (byteCount <= (nuint)nint.MaxValue)
        {
            bool allowed = TryChargeHuge(byteCount);
            if (allowed)
            {
                void* block = HugeBlocks.TryAllocate(Os, Serial, byteCount, alignment, zeroed);
                if (block != null)
                {
                    return block;
                }

                Arenas.AddHugeBytes(-(long)byteCount);
            }

            if (!_relief.TryRelieve(ref relief, cache, byteCount, byLimit: !allowed))
            {
                return null;
            }
        }

        return null;
    }
}
