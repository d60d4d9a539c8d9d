using System.Runtime.CompilerServices;
using SpanHeap.Blocks;
using SpanHeap.Caches;
using SpanHeap.Guard;
using SpanHeap.Guard.Sampling;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Heap;

/// <summary>Allocates beyond the fast path. The kind of block that a request needs decides what happens.</summary>
/// <remarks>Thread safe. The caller must not hold a lock.</remarks>
internal sealed unsafe class BlockAllocator
{
    private readonly HeapState _state;
    private readonly CacheAttachment _attachment;
    private readonly SmallBlocks _small;
    private readonly LargeBlocks _large;
    private readonly HugeBlocks _huge;
    private readonly PressureRelief _relief;
    private readonly BlockFrees _frees;
    private readonly OsMemory _os;
    private readonly PageGeometry _geometry;

    // Null without full checks.
    private readonly CheckedBlocks? _checks;

    // The first is null unless blocks are guarded, the second unless a sample of them is.
    private readonly GuardedBlocks? _guard;
    private readonly GuardSampler? _sampler;

    public BlockAllocator(HeapState state, BlockFrees frees, in BlockParts parts)
    {
        _state = state;
        _attachment = parts.Attachment;
        _small = parts.Small;
        _large = parts.Large;
        _huge = parts.Huge;
        _relief = parts.Relief;
        _frees = frees;
        _os = parts.Os;
        _geometry = parts.Geometry;
        _checks = parts.Checks;
        _guard = parts.Guard;
        _sampler = parts.Sampler;
    }

    /// <summary>Allocates a block of any size.</summary>
    /// <param name="cache">The calling thread's cache; <see cref="ThreadCache.None"/> if it has none yet.</param>
    /// <param name="byteCount">The size of the block in bytes.</param>
    /// <param name="zeroed">Whether the bytes must be zero.</param>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit. The heap is unchanged.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void* Allocate(ThreadCache* cache, nuint byteCount, bool zeroed)
    {
        // The cache of a heap that is gone may belong to any heap. With guards, each allocation counts.
        bool isPlain = !zeroed && _guard == null && !_state.IsDisposed;
        void* block = isPlain ? TryTakeAtHand(cache, byteCount) : null;
        return block != null ? block : AllocateOther(cache, byteCount, BlockRequest.NoAlignment, zeroed, wasKeptAsked: isPlain && _checks == null);
    }

    /// <summary>Allocates a block at an alignment, which is a power of two.</summary>
    public void* AllocateAligned(ThreadCache* cache, nuint byteCount, nuint alignment) =>
        AllocateOther(cache, byteCount, alignment, zeroed: false, wasKeptAsked: false);

    /// <summary>Allocates a block of any size. Returns null when there is no memory.</summary>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void* TryAllocate(ThreadCache* cache, nuint byteCount)
    {
        bool isPlain = _guard == null && !_state.IsDisposed;
        void* block = isPlain ? TryTakeAtHand(cache, byteCount) : null;
        return block != null ? block : TryAllocate(cache, byteCount, BlockRequest.NoAlignment, wasKeptAsked: isPlain && _checks == null);
    }

    /// <summary>Computes the usable size of the block that a request for a number of bytes gets, unless the block is guarded in a sample.</summary>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public nuint GoodSize(nuint byteCount)
    {
        _state.ThrowIfDisposed();

        // With full checks, and hence where all blocks are guarded, a block ends where the program thinks it does.
        return _checks != null || byteCount > (nuint)nint.MaxValue ? byteCount : new BlockRequest(byteCount, BlockRequest.NoAlignment, _geometry).UsableBytes;
    }

    /// <summary>Allocates a block. Returns null when there is no memory.</summary>
    /// <param name="cache">The calling thread's cache; <see cref="ThreadCache.None"/> if it has none yet.</param>
    /// <param name="byteCount">The size of the block in bytes.</param>
    /// <param name="alignment">A power of two.</param>
    /// <param name="zeroed">Whether the bytes must be zero.</param>
    /// <param name="room">The number of pages that should be free after a large block, because it is expected to grow.</param>
    /// <param name="extra">
    /// The number of additional bytes for the same reason. A guarded block does not get them, because it must end where the program thinks it does.
    /// </param>
    /// <param name="wasKeptAsked">Whether the thread's kept large blocks have been tried in vain.</param>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    public void* TryAllocate(
        ThreadCache* cache, nuint byteCount, nuint alignment, bool zeroed = false, int room = 0, nuint extra = 0, bool wasKeptAsked = false)
    {
        _state.ThrowIfDisposed();
        if (cache == ThreadCache.None && (cache = _attachment.TryAttachUnderPressure()) == null)
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

            // A stack that is recorded for the first time is read by .NET code that may wait, and the contents of the thread's cache may have been
            // taken meanwhile (see StackReclaimer). The cache is the thread's again once it has been looked up.
            cache = _attachment.TryAttach();
            if (cache == null)
            {
                return null;
            }
        }

        // A size that overflows by it cannot be allocated either way.
        byteCount += extra;
        BlockRequest request = new(_checks != null ? CheckedBlocks.SlotBytesFor(byteCount) : byteCount, alignment, _geometry)
        {
            Zeroed = zeroed,
            Room = room,
            WasKeptAsked = wasKeptAsked,
        };
        void* block = TryAllocate(cache, byteCount, ref request);
        if (block != null && whyUnguarded != null)
        {
            _guard!.NoteUnguarded(whyUnguarded);
        }

        return block;
    }

    // Most allocations that come here end here: with a block from a stack that is refilled, or with a large one that the thread has kept.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void* TryTakeAtHand(ThreadCache* cache, nuint byteCount)
    {
        if (byteCount > SizeClasses.MaxSharedSize)
        {
            return LargeBlocks.TryTakeKept(cache, byteCount, out void* kept) ? kept : null;
        }

        if (_checks != null || cache == ThreadCache.None)
        {
            return null;
        }

        EndCount(cache);
        return _small.TryServe(cache, SizeClasses.OfShared(byteCount), out _);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void* AllocateOther(ThreadCache* cache, nuint byteCount, nuint alignment, bool zeroed, bool wasKeptAsked)
    {
        void* block = TryAllocate(cache, byteCount, alignment, zeroed, wasKeptAsked: wasKeptAsked);
        if (block == null)
        {
            _state.ThrowOutOfMemory(byteCount);
        }

        return block;
    }

    private void* TryAllocate(ThreadCache* cache, nuint byteCount, ref BlockRequest request)
    {
        Relief relief = default;
        void* block;
        while ((block = TryAllocateOnce(cache, byteCount, ref request)) == null)
        {
            nuint lacking = request.Kind == BlockKind.Huge ? byteCount : request.Pages << PageGeometry.PageShift;
            if (byteCount > (nuint)nint.MaxValue || !_relief.TryRelieve(ref relief, cache, lacking, request.IsAtLimit))
            {
                return null;
            }
        }

        if (_checks != null && _checks.Serve((nint)block, request))
        {
            _frees.NoteActivity();
        }

        if (request.Zeroed && request.NeedsZero)
        {
            MemoryClearing.Clear(_os, block, byteCount);
        }

        if (_checks != null)
        {
            CheckedBlocks.Arm((nint)block, byteCount);
        }

        return block;
    }

    private void* TryAllocateOnce(ThreadCache* cache, nuint byteCount, ref BlockRequest request)
    {
        if (request.Kind == BlockKind.Large)
        {
            return _large.TryAllocate(cache, ref request);
        }

        if (request.Kind == BlockKind.Huge)
        {
            return _huge.TryAllocate(byteCount, ref request);
        }

        void* block = _small.TryAllocate(cache, ref request);
        if (_guard == null)
        {
            EndCount(cache);
        }

        return block;
    }

    // Allocations are counted on the fast path of all heaps; in one without guards nothing happens at the end of the count.
    private static void EndCount(ThreadCache* cache) => cache->UntilSample = int.MaxValue;

    // Counts allocations that come here like those that do not.
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
}
