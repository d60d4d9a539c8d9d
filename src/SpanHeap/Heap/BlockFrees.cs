using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Blocks;
using SpanHeap.Caches;
using SpanHeap.Guard;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Heap;

/// <summary>Frees beyond the fast path. The kind of block that an address is decides what happens.</summary>
/// <remarks>Thread safe. The caller must not hold a lock.</remarks>
internal sealed unsafe class BlockFrees
{
    private readonly HeapState _state;
    private readonly CacheAttachment _attachment;
    private readonly SmallBlocks _small;
    private readonly LargeBlocks _large;
    private readonly HugeBlocks _huge;
    private readonly BlockLookup _lookup;
    private readonly HeapMaintenance _maintenance;
    private readonly MisuseReporter _reporter;
    private readonly ForeignFree _foreignFree;

    // Null without full checks.
    private readonly CheckedBlocks? _checks;

    // Null unless blocks are guarded.
    private readonly GuardedBlocks? _guard;

    public BlockFrees(HeapState state, in BlockParts parts)
    {
        _state = state;
        _attachment = parts.Attachment;
        _small = parts.Small;
        _large = parts.Large;
        _huge = parts.Huge;
        _lookup = parts.Lookup;
        _maintenance = parts.Maintenance;
        _reporter = parts.Reporter;
        _foreignFree = parts.ForeignFree;
        _checks = parts.Checks;
        _guard = parts.Guard;
    }

    /// <summary>Frees a block of this heap; null is ignored. Needs no memory.</summary>
    /// <param name="cache">The calling thread's cache; <see cref="ThreadCache.None"/> if it has none yet.</param>
    /// <param name="pointer">The block.</param>
    /// <param name="aligned">
    /// Whether a foreign block is passed on as an aligned one. On some systems the platform has separate allocators for the two.
    /// </param>
    /// <exception cref="HeapCorruptionException">The pointer is not a block of this heap. Nothing has changed.</exception>
    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Free(ThreadCache* cache, void* pointer, bool aligned = false)
    {
        _state.ThrowIfDisposed();
        if (pointer == null)
        {
            return;
        }

        nint address = (nint)pointer;
        if (ThreadCache.TryGather(cache, address))
        {
            return;
        }

        if (!TryFreeInArena(cache, address))
        {
            FreeOther(cache, address, aligned);
        }
    }

    /// <summary>Notes that from now on there may be something for maintenance to do, or something to report.</summary>
    public void NoteActivity()
    {
        _maintenance.Arm();
        _reporter.Queue();
    }

    // Most blocks that come here end here: small ones whose stack is full or whose owner is another thread, and large ones of the thread's own.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryFreeInArena(ThreadCache* cache, nint address)
    {
        if (_checks != null || !ArenaMap.IsInArena(address))
        {
            return false;
        }

        // An entry with this cache's tag is of this heap, and of blocks, so no further look is needed.
        uint entry = Volatile.Read(ref *ArenaHeader.EntryOf(address));
        uint sizeClass = PageEntry.SizeClass(entry);
        bool own = entry - cache->Owner.Tag <= PageEntry.OwnerMask;
        if (own && !SizeClasses.IsOwnSpan(sizeClass))
        {
            _small.Push(cache, sizeClass, address);
        }
        else if (own && BlockAddress.IsStartOfLarge(address))
        {
            if (!_large.TryKeep(cache, sizeClass, address))
            {
                return false;
            }
        }
        else if (cache != ThreadCache.None && BlockAddress.IsSmall(address, entry, _state.Serial))
        {
            _small.FreeRemote(cache, address, entry);
        }
        else
        {
            return false;
        }

        NoteActivity();
        return true;
    }

    // A method of its own, so that the registers of the other are not saved around what it needs.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void FreeOther(ThreadCache* cache, nint address, bool aligned)
    {
        BlockAddress block = BlockAddress.Of(address, _state.Serial);
        switch (block.Kind)
        {
            case BlockKind.Small or BlockKind.Large:
                FreeInSpan(cache, block);
                break;
            case BlockKind.Huge:
                if (!_huge.TryFree(block.Address))
                {
                    // Another thread has just freed it.
                    _lookup.ThrowMisuse(BlockAddress.Of(block.Address, _state.Serial));
                }

                break;
            case BlockKind.Guarded:
                _guard!.Free(block.Address);
                break;
            case BlockKind.Foreign when _foreignFree == ForeignFree.Forward:
                FreeForeign(block.Address, aligned);
                return;
            default:
                _lookup.ThrowMisuse(block);
                break;
        }

        NoteActivity();
    }

    private void FreeInSpan(ThreadCache* cache, in BlockAddress block)
    {
        if (_checks != null)
        {
            CheckedBlocks.Take(block, _lookup);
        }

        if (cache == ThreadCache.None)
        {
            cache = _attachment.TryAttach();
        }

        if (_checks == null || !_checks.TryKeepBack(block, out nint leaving))
        {
            GiveBack(cache, block);
            return;
        }

        // A freed block waits; a block that leaves in exchange goes the way of all freed blocks.
        for (; leaving != 0 || (leaving = _checks.TakeOverdue()) != 0; leaving = 0)
        {
            GiveBack(cache, BlockAddress.OfOwn(leaving, Volatile.Read(ref *ArenaHeader.EntryOf(leaving))));
        }
    }

    // The block belongs to this heap, and to no thread: it goes to the thread's own stack, to its large blocks, or to its owner.
    private void GiveBack(ThreadCache* cache, in BlockAddress block)
    {
        if (block.Kind == BlockKind.Small)
        {
            _small.Free(cache, block);
        }
        else
        {
            _large.Free(cache, block);
        }
    }

    private static void FreeForeign(nint address, bool aligned)
    {
        if (aligned)
        {
            NativeMemory.AlignedFree((void*)address);
        }
        else
        {
            NativeMemory.Free((void*)address);
        }
    }
}
