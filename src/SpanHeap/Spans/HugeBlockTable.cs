using System.Runtime.InteropServices;
using SpanHeap.Os;

namespace SpanHeap.Spans;

/// <summary>
/// The process's huge blocks: each a block of the platform's own, with a record here, in address order, looked up under a lock.
/// </summary>
/// <remarks>Thread safe. No system call is made under the lock.</remarks>
internal static unsafe class HugeBlockTable
{
    private const int FirstCapacity = 32;
    private const nuint PlatformAlignment = 16;

    private static NativeLock s_lock = new(LockRank.HugeBlocks);

    // Guarded by the lock; sorted by address.
    private static HugeBlock* s_blocks;
    private static int s_count;
    private static int s_capacity;

    // Places kept for blocks that are being made or moved.
    private static int s_reserved;

    /// <summary>A block with an address that is a multiple of <paramref name="alignment"/>; null when the platform has no memory.</summary>
    public static void* TryAllocate(OsMemory os, ulong heapSerial, nuint byteCount, nuint alignment, bool zeroed)
    {
        if (!TryReserve(os))
        {
            return null;
        }

        if (!TryMake(os, heapSerial, byteCount, alignment, zeroed, out HugeBlock block))
        {
            Unreserve();
            return null;
        }

        AddReserved(block);
        return (void*)block.Address;
    }

    /// <summary>The memory of a block, in no record yet.</summary>
    public static bool TryMake(OsMemory os, ulong heapSerial, nuint byteCount, nuint alignment, bool zeroed, out HugeBlock block)
    {
        block = default;
        nuint slack = alignment <= PlatformAlignment ? 0 : alignment;
        void* platform = byteCount <= (nuint)nint.MaxValue - slack ? os.Allocate(OsCall.AllocateHuge, byteCount + slack, zeroed) : null;
        if (platform == null)
        {
            return false;
        }

        nint address = slack == 0 ? (nint)platform : (nint)(((nuint)platform + alignment - 1) & ~(alignment - 1));
        block = new HugeBlock { Address = address, Size = byteCount, Platform = platform, PlatformBytes = byteCount + slack, HeapSerial = heapSerial };
        if (!ArenaMap.Covers(address, byteCount))
        {
            os.Free(platform);
            return false;
        }

        return true;
    }

    /// <summary>Keeps a place for a record, so that <see cref="AddReserved"/> can be called under any lock; false when the platform has no memory.</summary>
    public static bool TryReserve(OsMemory os)
    {
        while (EnsureRoom(os))
        {
            s_lock.Enter();
            bool room = s_count + s_reserved < s_capacity;
            s_reserved += room ? 1 : 0;
            s_lock.Exit();
            if (room)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Gives up a place that was kept.</summary>
    public static void Unreserve()
    {
        s_lock.Enter();
        Invariant.Assert(s_reserved > 0, "A place that is given up was kept.");
        s_reserved--;
        s_lock.Exit();
    }

    /// <summary>Adds a record in the place that was kept for it.</summary>
    public static void AddReserved(in HugeBlock block)
    {
        s_lock.Enter();
        Invariant.Assert(s_reserved > 0, "A place was kept for the record.");
        s_reserved--;
        Insert(block);
        s_lock.Exit();
    }

    /// <summary>Takes a block out of the records if it is one, is the heap's, neither guarded nor kept.</summary>
    public static bool TryRemove(ulong heapSerial, nint address, out HugeBlock block, bool keepPlace = false)
    {
        s_lock.Enter();
        bool found = TryFindLive(heapSerial, address, out int index);
        block = found ? s_blocks[index] : default;
        if (found)
        {
            RemoveAt(index);
            s_reserved += keepPlace ? 1 : 0;
        }

        s_lock.Exit();
        return found;
    }

    /// <summary>Takes a block out of the program's hands if it is one, is the heap's, neither guarded nor kept. Its record stays.</summary>
    public static bool TryKeep(ulong heapSerial, nint address, out HugeBlock block)
    {
        s_lock.Enter();
        bool found = TryFindLive(heapSerial, address, out int index);
        if (found)
        {
            s_blocks[index].IsKept = true;
        }

        block = found ? s_blocks[index] : default;
        s_lock.Exit();
        return found;
    }

    /// <summary>Puts a kept block, which is the caller's alone, into the program's hands.</summary>
    public static void Serve(nint address)
    {
        s_lock.Enter();
        s_blocks[IndexOfKept(address)].IsKept = false;
        s_lock.Exit();
    }

    /// <summary>Takes a kept block, which is the caller's alone, out of the records.</summary>
    public static void RemoveKept(nint address)
    {
        s_lock.Enter();
        RemoveAt(IndexOfKept(address));
        s_lock.Exit();
    }

    /// <summary>Takes a guarded block out of the records and keeps its place. It is the caller's heap's, and in them.</summary>
    public static HugeBlock RemoveGuarded(nint address)
    {
        s_lock.Enter();
        int index = IndexAtOrBelow(address);
        Invariant.Assert(index >= 0 && s_blocks[index].Address == address && s_blocks[index].Guarded != 0, "A guarded block is in the records.");
        HugeBlock block = s_blocks[index];
        RemoveAt(index);
        s_reserved++;
        s_lock.Exit();
        return block;
    }

    /// <summary>The first guarded block of a heap at or above an address.</summary>
    public static bool TryFindGuarded(ulong heapSerial, nint from, out HugeBlock block)
    {
        s_lock.Enter();
        int index = from == 0 ? 0 : IndexAtOrBelow(from - 1) + 1;
        while (index < s_count && (s_blocks[index].HeapSerial != heapSerial || s_blocks[index].Guarded == 0))
        {
            index++;
        }

        bool found = index < s_count;
        block = found ? s_blocks[index] : default;
        s_lock.Exit();
        return found;
    }

    /// <summary>Resizes a block, by moving pages where the platform can; null, and nothing changed, when it has no memory.</summary>
    public static void* TryReallocate(OsMemory os, ulong heapSerial, nint address, nuint byteCount)
    {
        // Out of the records while it has no certain address; its place is kept.
        if (!TryRemove(heapSerial, address, out HugeBlock block, keepPlace: true))
        {
            return null;
        }

        void* moved = block.Platform == (void*)address && byteCount <= (nuint)nint.MaxValue
            ? os.Reallocate(OsCall.AllocateHuge, block.Platform, byteCount)
            : null;
        if (moved != null)
        {
            block = block with { Address = (nint)moved, Platform = moved, PlatformBytes = byteCount, Size = byteCount };
        }

        AddReserved(block);
        return moved;
    }

    /// <summary>
    /// Makes a block shorter where it is, and gives the memory of what it loses back; its address space goes with it. False, and nothing
    /// has changed, when it is no such block or the system refuses.
    /// </summary>
    public static bool TryCut(OsMemory os, ulong heapSerial, nint address, nuint byteCount)
    {
        if (!TryFind(address, out HugeBlock block) || block.Address != address || block.Size < byteCount)
        {
            return false;
        }

        // The block is the caller's: no other thread resizes or frees it meanwhile.
        nuint page = OsMemory.PageSize;
        nuint end = ((nuint)address + block.Size) & ~(page - 1);
        nuint start = ((nuint)address + byteCount + page - 1) & ~(page - 1);
        if (start < end && !os.Discard((nint)start, end - start))
        {
            return false;
        }

        s_lock.Enter();
        bool found = TryFindLive(heapSerial, address, out int index);
        if (found)
        {
            s_blocks[index].Size = byteCount;
        }

        s_lock.Exit();
        return found;
    }

    /// <summary>The block that an address lies in.</summary>
    public static bool TryFind(nint address, out HugeBlock block)
    {
        s_lock.Enter();
        int index = IndexAtOrBelow(address);
        bool found = index >= 0 && (nuint)(address - s_blocks[index].Address) < s_blocks[index].Size;
        block = found ? s_blocks[index] : default;
        s_lock.Exit();
        return found;
    }

    /// <summary>Count and bytes of a heap's blocks that the program has and that are not guarded.</summary>
    public static void Count(ulong heapSerial, out nuint count, out nuint bytes) => Count(heapSerial, kept: false, out count, out bytes);

    /// <summary>Count and bytes of the free blocks that a heap keeps.</summary>
    public static void CountKept(ulong heapSerial, out nuint count, out nuint bytes) => Count(heapSerial, kept: true, out count, out bytes);

    /// <summary>Frees all blocks of a heap that is gone, kept ones too; it has no guarded ones left.</summary>
    public static void FreeAll(OsMemory os, ulong heapSerial)
    {
        // Downwards by address, once: other heaps' blocks may come and go meanwhile.
        for (nint below = nint.MaxValue; TryTakeBelow(heapSerial, below, out HugeBlock block); below = block.Address)
        {
            os.Free(block.Platform);
        }
    }

    private static void Count(ulong heapSerial, bool kept, out nuint count, out nuint bytes)
    {
        count = bytes = 0;
        s_lock.Enter();
        for (int i = 0; i < s_count; i++)
        {
            if (s_blocks[i].HeapSerial == heapSerial && s_blocks[i].Guarded == 0 && s_blocks[i].IsKept == kept)
            {
                count++;
                bytes += s_blocks[i].Size;
            }
        }

        s_lock.Exit();
    }

    private static bool TryTakeBelow(ulong heapSerial, nint below, out HugeBlock block)
    {
        block = default;
        s_lock.Enter();
        int index = IndexAtOrBelow(below - 1);
        while (index >= 0 && s_blocks[index].HeapSerial != heapSerial)
        {
            index--;
        }

        if (index >= 0)
        {
            block = s_blocks[index];
            RemoveAt(index);
        }

        s_lock.Exit();
        return index >= 0;
    }

    private static bool TryFindLive(ulong heapSerial, nint address, out int index)
    {
        s_lock.AssertHeld();
        index = IndexAtOrBelow(address);
        if (index < 0)
        {
            return false;
        }

        ref readonly HugeBlock block = ref s_blocks[index];
        return block.Address == address && block.HeapSerial == heapSerial && block.Guarded == 0 && !block.IsKept;
    }

    private static void Insert(in HugeBlock block)
    {
        s_lock.AssertHeld();
        int index = IndexAtOrBelow(block.Address) + 1;
        Invariant.Assert(s_count < s_capacity, "There is room for the record.");
        Invariant.Assert(index == 0 || s_blocks[index - 1].Address + (nint)s_blocks[index - 1].Size <= block.Address, "A block begins after the one below it.");
        Invariant.Assert(index == s_count || block.Address + (nint)block.Size <= s_blocks[index].Address, "A block ends before the one above it.");
        new Span<HugeBlock>(s_blocks + index, s_count - index).CopyTo(new Span<HugeBlock>(s_blocks + index + 1, s_count - index));
        s_blocks[index] = block;
        s_count++;

        // Published under the lock: a thread that reads "huge" in the map finds the record once it has the lock.
        ArenaMap.AddHuge(block.Address, block.Size);
    }

    private static void RemoveAt(int index)
    {
        s_lock.AssertHeld();
        Invariant.Assert((uint)index < (uint)s_count, "The block is in the records.");
        s_count--;
        new Span<HugeBlock>(s_blocks + index + 1, s_count - index).CopyTo(new Span<HugeBlock>(s_blocks + index, s_count - index));
    }

    private static bool EnsureRoom(OsMemory os)
    {
        int capacity = Volatile.Read(ref s_capacity);
        if (Volatile.Read(ref s_count) + Volatile.Read(ref s_reserved) < capacity)
        {
            return true;
        }

        int larger = Math.Max(FirstCapacity, 2 * capacity);
        HugeBlock* blocks = (HugeBlock*)os.Allocate(OsCall.AllocateMetadata, (nuint)(larger * sizeof(HugeBlock)), zeroed: false);
        if (blocks == null)
        {
            return false;
        }

        HugeBlock* old = blocks;
        s_lock.Enter();
        if (s_capacity < larger)
        {
            new Span<HugeBlock>(s_blocks, s_count).CopyTo(new Span<HugeBlock>(blocks, larger));
            old = s_blocks;
            s_blocks = blocks;
            s_capacity = larger;
        }

        s_lock.Exit();
        NativeMemory.Free(old);
        return true;
    }

    private static int IndexOfKept(nint address)
    {
        int index = IndexAtOrBelow(address);
        Invariant.Assert(index >= 0 && s_blocks[index].Address == address && s_blocks[index].IsKept, "A kept block is in the records, and marked.");
        return index;
    }

    private static int IndexAtOrBelow(nint address)
    {
        s_lock.AssertHeld();
        int low = 0;
        int high = s_count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (s_blocks[middle].Address <= address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low - 1;
    }
}
