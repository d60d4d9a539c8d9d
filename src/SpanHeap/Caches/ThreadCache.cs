using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Checks;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// One thread's part of one heap: a stack of free blocks for each class and, backing it, the spans that the blocks come from. A heap's central cache
/// is one of these that no thread owns.
/// </summary>
/// <remarks>
/// Lies in native memory, aligned to a cache line, and is never freed, so any thread that finds the address of a cache in a span may lock it. The
/// stacks belong to the owning thread while it lives. Everything else is guarded by <see cref="Lock"/>, except the inbox, to which any thread pushes
/// by compare-exchange.
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal unsafe struct ThreadCache : ILinked<ThreadCache>
{
    /// <summary>
    /// The number of places in the smallest outbox. The number of a destination determines its place, so there is no search and neighbors never
    /// collide. A cache with more destinations has a larger outbox.
    /// </summary>
    public const int SmallestOutbox = 16;

    private const int StackBytes = 1 << PageEntry.StackShift;
    private const int BinBytes = 192;
    private const int OwnerOffset = 176;
    public const int ColdOffset = 192;
    private const int OutboxOffset = ColdOffset + 320;
    private const int GatheredOffset = OutboxOffset + (SmallestOutbox * 16);
    private const int InboxOffset = GatheredOffset + 64;

    // Everything that other threads may touch at any time comes before this, and everything that can be given back comes after it.
    public const int StacksOffset = InboxOffset + 64;
    private const int HiddenStacksOffset = StacksOffset + (SizeClasses.Capacity * StackBytes);
    private const int BinsOffset = HiddenStacksOffset + (SizeClasses.Capacity * StackBytes);

    public const int Size = BinsOffset + (SizeClasses.Capacity * BinBytes);

    /// <summary>The alignment of a cache in bytes: it begins with a line of the processor's cache.</summary>
    public const nuint Alignment = 64;

    /// <summary>
    /// The cache of a thread that has none. All its stacks are closed and no block is its own, so fast paths fail without a test for null. Never
    /// written.
    /// </summary>
    public static readonly ThreadCache* None = MakeNone();

    /// <summary>
    /// What the spans of this cache know of it. Each Free reads the tag, so it is not at the start of a page: the program has most often just written
    /// the first bytes of a block, many blocks begin at a page, and processors compare the low 12 bits of addresses to decide whether a load has to wait
    /// for a store.
    /// </summary>
    [FieldOffset(OwnerOffset)]
    public SpanOwner Owner;

    /// <summary>
    /// The number of allocations until one takes a slow path to be guarded, if the heap guards a sample; in other heaps, as many as can be counted.
    /// Counted on the fast path only if <see cref="GuardSampling"/> is on. Used by the owning thread only.
    /// </summary>
    [FieldOffset(OwnerOffset + 12)]
    public int UntilSample;

    /// <summary>The large blocks freed last. Used by the owning thread only, like the stacks.</summary>
    [FieldOffset(0)]
    public LargeCache Large;

    [FieldOffset(ColdOffset)]
    public NativeLock Lock;

    /// <summary>The place in the heap's registry. Constant while the cache belongs to a heap.</summary>
    [FieldOffset(ColdOffset + 4)]
    public int Index;

    /// <summary>
    /// Twice the incarnation, plus 1 while a thread owns the cache. Changed only by compare-exchange: hand-over is that single step, and what a
    /// former owner still holds of an earlier incarnation has no effect.
    /// </summary>
    [FieldOffset(ColdOffset + 8)]
    public long Ownership;

    /// <summary>The next cache in a list of the registry's orphans or of the pool's free caches. Guarded by the lock of the list's owner.</summary>
    [FieldOffset(ColdOffset + 16)]
    public ThreadCache* NextOrphan;

    [FieldOffset(ColdOffset + 272)]
    public ThreadCache* PreviousOrphan;

    /// <summary>The empty magazines at hand.</summary>
    [FieldOffset(ColdOffset + 24)]
    public Magazine* Spares;

    /// <summary>Magazines of blocks that were found to belong to other owners. They are sent after the lock is released.</summary>
    [FieldOffset(ColdOffset + 32)]
    public Magazine* Pending;

    [FieldOffset(ColdOffset + 40)]
    public int SpareCount;

    /// <summary>The number of bytes of the blocks of shared classes in depots.</summary>
    [FieldOffset(ColdOffset + 48)]
    public long DepotBytes;

    /// <summary>The heap's tick when the outbox was last used.</summary>
    [FieldOffset(ColdOffset + 56)]
    public uint OutboxUsedAt;

    /// <summary>
    /// Whether a stack may have blocks. Set by the owning thread when it opens one, cleared when all have been drained. Other threads read it to skip
    /// threads that have nothing.
    /// </summary>
    [FieldOffset(ColdOffset + 44)]
    public bool HasStacks;

    /// <summary>Whether a thread is taking the blocks on the stacks. Guarded by the registry's lock.</summary>
    [FieldOffset(ColdOffset + 45)]
    public bool IsReclaimed;

    /// <summary>
    /// Whether the cache is in the registry's list of orphans that have spans again. Set under the cache's lock, cleared by the thread that takes the
    /// list.
    /// </summary>
    [FieldOffset(ColdOffset + 46)]
    public bool IsNoted;

    /// <summary>
    /// Whether spans with free slots are no news, as in the central cache and in an orphan that is being drained. Guarded by the cache's lock.
    /// </summary>
    [FieldOffset(ColdOffset + 47)]
    public bool IsDraining;

    /// <summary>
    /// Whether the memory of the stacks and bins, which were empty, has been given back. Nothing is in them then, and rounds skip the cache.
    /// Written by the thread that holds the orphan; read by rounds, which may see it late.
    /// </summary>
    [FieldOffset(ColdOffset + 264)]
    public bool IsGivenBack;

    /// <summary>For how many rounds the stacks have looked alike, and how they looked. Used by the rounds only.</summary>
    [FieldOffset(ColdOffset + 60)]
    public int StillRounds;

    [FieldOffset(ColdOffset + 224)]
    public ulong StacksSeen;

    /// <summary>
    /// The outbox of a cache with many destinations, and the number of its places; null and 0 while the one in the cache is enough.
    /// </summary>
    [FieldOffset(ColdOffset + 232)]
    public OutboxSlot* LargeOutbox;

    [FieldOffset(ColdOffset + 240)]
    public int LargeOutboxSize;

    /// <summary>How many times a destination had to make room for another one since the outbox got its size.</summary>
    [FieldOffset(ColdOffset + 244)]
    public int OutboxCollisions;

    /// <summary>
    /// The time when the cache became an orphan, counted in orphans of the heap; 0 after it has been drained. Guarded by the registry's lock.
    /// </summary>
    [FieldOffset(ColdOffset + 248)]
    public long OrphanedAt;

    /// <summary>The next cache in the registry's list of orphans that have spans again.</summary>
    [FieldOffset(ColdOffset + 256)]
    public ThreadCache* NextNoted;

    /// <summary>The sum of <see cref="ClassStack.Pins"/> over all stacks, in bytes of spans. Guarded by the cache's lock.</summary>
    [FieldOffset(ColdOffset + 296)]
    public long PinnedBytes;

    /// <summary>How many times a stack was allowed to keep fewer spans from being free than it would have. Guarded by the cache's lock.</summary>
    [FieldOffset(ColdOffset + 304)]
    public uint Denials;

    // A bit for each class whose stack or bin may have had something since the cache joined its heap.
    [FieldOffset(ColdOffset + 280)]
    private fixed ulong _usedClasses[SizeClasses.Capacity / 64];

    /// <summary>The large blocks freed last, while fast paths must see none. Used by the owning thread only.</summary>
    [FieldOffset(ColdOffset + 64)]
    public LargeCache HiddenLarge;

    /// <summary>
    /// The thread's cache of traced memory; null before its first scope. Written by the thread; read by the collector, which may see it late.
    /// </summary>
    [FieldOffset(ColdOffset + 208)]
    public WingCache* Traced;

    /// <summary>
    /// The traced cache of the thread that had this cache before, until the next thread needs one. Written before <see cref="Traced"/> is cleared.
    /// </summary>
    [FieldOffset(ColdOffset + 216)]
    public WingCache* FormerTraced;

    /// <summary>Blocks on their way to other caches: [owner number % <see cref="SmallestOutbox"/>].</summary>
    [FieldOffset(OutboxOffset)]
    private OutboxSlot _outbox;

    /// <summary>
    /// The blocks of other caches that the thread has freed, of several classes (see <see cref="GatheredFrees"/>). The owning thread pushes; its base, its
    /// bound and its magazine change under the lock alone. On a line of its own: others write to the inbox.
    /// </summary>
    [FieldOffset(GatheredOffset)]
    public ClassStack Gathered;

    /// <summary>The top of that stack when a round last looked at it. Used by the rounds only.</summary>
    [FieldOffset(GatheredOffset + 32)]
    public nint* GatheredSeen;

    /// <summary>
    /// The magazines that other threads sent, last in, first out. Any thread pushes by compare-exchange; the holder of the lock takes all by
    /// exchange.
    /// </summary>
    [FieldOffset(InboxOffset)]
    public nint Inbox;

    /// <summary>The approximate number of magazines in the inbox. Interlocked; may lag.</summary>
    [FieldOffset(InboxOffset + 8)]
    public int InboxCount;

    /// <summary>Gets the cache of which an owner of spans, which is not null, is a part.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ThreadCache* Of(SpanOwner* owner) => (ThreadCache*)((nint)owner - OwnerOffset);

    public static ref ThreadCache* NextOf(ThreadCache* node) => ref node->NextOrphan;

    public static ref ThreadCache* PreviousOf(ThreadCache* node) => ref node->PreviousOrphan;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ClassStack* Stack(ThreadCache* cache, uint sizeClass) =>
        (ClassStack*)((byte*)cache + StacksOffset + (sizeClass * StackBytes));

    /// <summary>Gets the stack that serves a class while the one that fast paths see is closed.</summary>
    public static ClassStack* HiddenStack(ThreadCache* cache, uint sizeClass) =>
        (ClassStack*)((byte*)cache + HiddenStacksOffset + (sizeClass * StackBytes));

    /// <summary>Gets the stack that serves a class: the hidden one where fast paths must find nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ClassStack* ServingStack(ThreadCache* cache, uint sizeClass, bool hidden) => hidden ? HiddenStack(cache, sizeClass) : Stack(cache, sizeClass);

    public static LargeCache* LargeOf(ThreadCache* cache, bool hidden) => hidden ? &cache->HiddenLarge : &cache->Large;

    public static ClassBin* Bin(ThreadCache* cache, uint sizeClass) =>
        (ClassBin*)((byte*)cache + BinsOffset + (sizeClass * BinBytes));

    /// <summary>Notes that something comes to a class's stack or bin. The caller holds the lock.</summary>
    public static void NoteUse(ThreadCache* cache, uint sizeClass)
    {
        cache->Lock.AssertHeld();
        cache->_usedClasses[sizeClass >> 6] |= 1UL << (int)sizeClass;
    }

    /// <summary>
    /// Finds the next class after the given one (0 to begin with the first) whose stack or bin may have something; 0 when there is none.
    /// </summary>
    public static uint NextUsed(ThreadCache* cache, uint after)
    {
        for (uint sizeClass = after + 1; sizeClass < SizeClasses.Capacity; sizeClass = (sizeClass | 63) + 1)
        {
            ulong classes = UsedClasses(cache, sizeClass) >> (int)sizeClass;
            if (classes != 0)
            {
                return sizeClass + (uint)BitOperations.TrailingZeroCount(classes);
            }
        }

        return 0;
    }

    /// <summary>Determines whether a class is among those that may have something.</summary>
    public static bool HasUsed(ThreadCache* cache, uint sizeClass) => (UsedClasses(cache, sizeClass) >> (int)sizeClass & 1) != 0;

    /// <summary>
    /// Gets a bit for each of the 64 classes around the given one whose stacks and bins may have something. The stacks and bins of the others
    /// need not be touched; touching them makes their memory resident.
    /// </summary>
    public static ulong UsedClasses(ThreadCache* cache, uint sizeClass) => Volatile.Read(ref cache->_usedClasses[sizeClass >> 6]);

    /// <summary>Gets the number of places in the outbox, which is a power of two.</summary>
    public static int OutboxSize(ThreadCache* cache) => cache->LargeOutbox == null ? SmallestOutbox : cache->LargeOutboxSize;

    public static OutboxSlot* Outbox(ThreadCache* cache, int index) => (cache->LargeOutbox == null ? &cache->_outbox : cache->LargeOutbox) + index;

    /// <summary>Determines whether no span has a block in use or parked and nothing is in a bin. The caller holds the lock.</summary>
    public static bool IsEmpty(ThreadCache* cache)
    {
        cache->Lock.AssertHeld();
        for (uint sizeClass = NextUsed(cache, 0); sizeClass != 0; sizeClass = NextUsed(cache, sizeClass))
        {
            ClassBin* bin = Bin(cache, sizeClass);
            if (bin->Outstanding != 0 || bin->Head != null || bin->DepotBlocks != 0 || bin->Walks != null)
            {
                return false;
            }
        }

        return true;
    }

    private static ThreadCache* MakeNone()
    {
        void* memory = NativeMemory.AlignedAlloc(Size, Alignment);
        NativeMemory.Clear(memory, Size);
        ThreadCache* none = (ThreadCache*)memory;
        none->Owner.Tag = PageEntry.NobodysTag;
        return none;
    }

    /// <summary>Determines whether a thread owns the cache. No thread owns an orphan or the central cache.</summary>
    public static bool IsOwned(ThreadCache* cache) => (Volatile.Read(ref cache->Ownership) & 1) != 0;

    /// <summary>The fast path of allocation: pops a block of a shared class.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryAlloc(ThreadCache* cache, nuint byteCount, out void* block) => TryPopAt(cache, SizeClasses.StackOffsetOf(byteCount), out block);

    /// <summary>The fast path of allocation for a known class.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryPop(ThreadCache* cache, uint sizeClass, out void* block) => TryPopAt(cache, sizeClass * StackBytes, out block);

    // Fast paths name a stack anew each time they touch it. So its address is a part of each operand, and no instruction computes it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ClassStack* StackAt(ThreadCache* cache, nuint offset) => (ClassStack*)((byte*)cache + StacksOffset + offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryPopAt(ThreadCache* cache, nuint offset, out void* block)
    {
        // The count changes only after the stack was tested, because the cache of threads that have none is never written.
        nint* top = StackAt(cache, offset)->Top;
        if (top == StackAt(cache, offset)->Base || (GuardSampling.IsCounted && --cache->UntilSample < 0))
        {
            block = null;
            return false;
        }

        InterleavingPoints.At(InterleavingPoint.StackRead);
        top--;
        StackAt(cache, offset)->Top = top;
        block = (void*)*top;
        return true;
    }

    /// <summary>
    /// The fast path of freeing: pushes a block if the page entry says that it belongs to this cache. Under a block of ours, only our own slow paths
    /// can change the entry to another owner's. If the timer has just taken the span away, the block is sent on when it leaves the stack.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryFree(ThreadCache* cache, void* block)
    {
        if (ArenaMap.IsInArena((nint)block, out nuint piece))
        {
            uint mine = *ArenaHeader.EntryOf((nint)block, piece) - cache->Owner.Tag;
            if (mine <= PageEntry.OwnerMask)
            {
                // A single exit that returns true, so the caller's test of the result costs nothing.
                nuint offset = PageEntry.StackOffset(mine);
                nint* top = StackAt(cache, offset)->Top;
                if (top != StackAt(cache, offset)->Limit)
                {
                    InterleavingPoints.At(InterleavingPoint.StackRead);
                    *top = (nint)block;
                    StackAt(cache, offset)->Top = top + 1;
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>
    /// Frees a small block of another cache of the heap without a lock, and without a look at whose it is: pushes it onto the stack of what the thread
    /// has gathered. Returns false when that stack is full or closed, and for all other addresses.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryGather(ThreadCache* cache, nint block)
    {
        if (!ArenaMap.IsInArena(block, out nuint piece))
        {
            return false;
        }

        uint entry = Volatile.Read(ref *ArenaHeader.EntryOf(block, piece));
        return entry - cache->Owner.Tag > PageEntry.OwnerMask
            && IsGathered(entry)
            && ArenaHeader.Descriptor(ArenaHeader.ArenaOf(block))->HeapSerial == cache->Owner.HeapSerial
            && ClassStack.TryPublish(&cache->Gathered, (void*)block);
    }

    /// <summary>Determines whether an entry is one of blocks so small that a thread gathers them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsGathered(uint entry) => PageEntry.IsOfBlocks(entry) && PageEntry.SizeClass(entry) - 1 < SizeClasses.LastGathered;
}
