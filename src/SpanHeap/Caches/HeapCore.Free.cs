using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>Freeing beyond the fast path, and what bad pointers get.</summary>
internal sealed unsafe partial class HeapCore
{
    /// <summary>Frees a block of this heap; null is no block. Needs no memory.</summary>
    /// <exception cref="HeapCorruptionException">The pointer is no block of this heap; nothing has changed.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Free(ThreadCache* cache, void* pointer, bool aligned = false)
    {
        ThrowIfDisposed();
        if (pointer == null)
        {
            return;
        }

        nint block = (nint)pointer;
        if (!ArenaMap.IsInArena(block))
        {
            FreeOutside(block, aligned);
            return;
        }

        // An entry with this cache's tag is of this heap, and of blocks: no need to look further.
        uint entry = Volatile.Read(ref *ArenaHeader.EntryOf(block));
        if (entry - cache->OwnerTag > PageEntry.OwnerMask)
        {
            if (entry == PageEntry.Unused && !ArenaMap.Holds(block))
            {
                FreeOutside(block, aligned);
                return;
            }

            RequireOwn(block, entry);
            if (PageEntry.IsGuarded(entry))
            {
                _guard!.Free(block);
                NoteActivity();
                return;
            }
        }
        else if (!_hidden && (block & (PageGeometry.PageSize - 1)) == 0 && PageEntry.SizeClass(entry) > (uint)SizeClasses.LastShared
            && cache->Large.TryAdd(PageEntry.SizeClass(entry), block))
        {
            _maintenance.Arm();
            return;
        }

        if (_fullChecks)
        {
            TakeFromProgram(block, entry);
        }
        else
        {
            RequirePageStart(block, entry);
        }

        if (cache == ThreadCache.None)
        {
            cache = TryAttach();
        }

        if (_quarantine != null)
        {
            KeepBack(cache, block, entry);
        }
        else
        {
            GiveBack(cache, block, entry);
        }

        NoteActivity();
    }

    // The block is this heap's and nobody's in particular: to the thread's own stack, its large blocks, or its owner.
    private void GiveBack(ThreadCache* cache, nint block, uint entry)
    {
        uint sizeClass = PageEntry.SizeClass(entry);
        if (cache == null || sizeClass == SizeClasses.None)
        {
            _remote.ReturnOne(block);
        }
        else if (entry - cache->OwnerTag > PageEntry.OwnerMask)
        {
            _remote.Free(cache, block, entry);
        }
        else if (sizeClass <= (uint)SizeClasses.LastShared)
        {
            Push(cache, sizeClass, block);
        }
        else
        {
            _large.Keep(cache, sizeClass, block);
        }
    }

    private void Push(ThreadCache* cache, uint sizeClass, nint block)
    {
        ClassStack* stack = _stock.ServingStack(cache, sizeClass);
        if (ClassStack.TryPush(stack, (void*)block))
        {
            return;
        }

        cache->Lock.Enter();
        _stock.MakeRoom(cache, sizeClass, stack);
        cache->Lock.Exit();
        if (Magazines.IsEmpty)
        {
            // A full stack without an empty magazine goes back to its spans, block by block, and may be wanted right after.
            Magazines.TryGrow();
        }

        _remote.SendPending(cache);
        if (!ClassStack.TryPush(stack, (void*)block))
        {
            _remote.ReturnOne(block);
        }
    }

    // Families matter to the platform only, which on some systems has two allocators for them.
    private void FreeOutside(nint address, bool aligned)
    {
        // With full checks the block goes at once, so that an access to it faults.
        if (_fullChecks && HugeBlocks.TryRemove(Serial, address, out HugeBlock huge))
        {
            Os.Free(huge.Platform);
            Arenas.AddHugeBytes(-(long)huge.Size);
            return;
        }

        if (!_fullChecks && HugeBlocks.TryKeep(Serial, address, out huge))
        {
            HugeCache.Keep(huge, Clock.Now);
            NoteActivity();
            return;
        }

        if (HugeBlocks.TryFind(address, out huge))
        {
            if (IsOwnGuarded(huge))
            {
                _guard!.Free(address);
                NoteActivity();
                return;
            }

            ThrowNoHugeBlock(address, huge);
        }

        if (Options.ForeignFree == ForeignFree.Throw)
        {
            ThrowHelper.Misuse(address, MisuseKind.ForeignPointer);
        }

        if (aligned)
        {
            NativeMemory.AlignedFree((void*)address);
        }
        else
        {
            NativeMemory.Free((void*)address);
        }
    }

    private bool IsOwnGuarded(in HugeBlock huge) => huge.Guarded != 0 && huge.HeapSerial == Serial;

    // The page entry of an address in an arena, if it can be of a block of this heap.
    private uint RequireOwnEntry(nint address)
    {
        uint entry = Volatile.Read(ref *ArenaHeader.EntryOf(address));
        RequireOwn(address, entry);
        return entry;
    }

    private void RequireOwn(nint address, uint entry)
    {
        if (ArenaHeader.Descriptor(ArenaHeader.ArenaOf(address))->HeapSerial != Serial)
        {
            ThrowHelper.Misuse(address, MisuseKind.OtherHeap);
        }

        if (entry == PageEntry.Unused)
        {
            ThrowHelper.Misuse(address, MisuseKind.FreePage);
        }

        if (PageEntry.IsInside(entry))
        {
            // What a large block is, the entry of its first page says.
            nint start = (address & -PageGeometry.PageSize) - ((nint)PageEntry.PagesFromFirst(entry) << PageGeometry.PageShift);
            if (PageEntry.IsTraced(Volatile.Read(ref *ArenaHeader.EntryOf(start))))
            {
                ThrowHelper.Misuse(address, MisuseKind.TracedBlock);
            }

            ThrowInterior(address);
        }

        if (PageEntry.IsTraced(entry))
        {
            ThrowHelper.Misuse(address, MisuseKind.TracedBlock);
        }
    }

    // A block that is a span of its own begins where its page does; others are looked at when they return to their spans.
    private void RequirePageStart(nint block, uint entry)
    {
        if (SizeClasses.IsOwnSpan(PageEntry.SizeClass(entry)) && (block & (PageGeometry.PageSize - 1)) != 0)
        {
            ThrowInterior(block);
        }
    }

    // Full checks: the one place where a block changes from the program's to the heap's.
    private void TakeFromProgram(nint block, uint entry)
    {
        if (!LiveBits.TryFindSlot(block, entry, out Span* span, out int slot))
        {
            ThrowInterior(block);
        }

        if (!LiveBits.TryClear(span, slot))
        {
            ThrowHelper.Misuse(block, MisuseKind.DoubleFree);
        }

        // Looked at only by the one who has taken it; who finds it damaged gives it back. A span may change its owner while blocks of it live.
        nuint slotBytes = SizeOf(block, entry);
        if (slotBytes == 0 || !PageEntry.IsSameSpan(Volatile.Read(ref *ArenaHeader.EntryOf(block)), entry))
        {
            // Another thread has freed it, and its pages are others' by now: so was the bit.
            LiveBits.Restore(span, slot);
            ThrowHelper.Misuse(block, MisuseKind.DoubleFree);
        }

        nint damage = BlockCanary.FindDamage(block, slotBytes);
        if (damage != 0)
        {
            LiveBits.Restore(span, slot);
            ThrowOverflow(block, slotBytes, damage);
        }

        if (!SizeClasses.IsOwnSpan(PageEntry.SizeClass(entry)))
        {
            FreePoison.Fill(block, slotBytes);
        }
    }
}
