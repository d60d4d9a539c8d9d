using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Guarding;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>Blocks on their way to one other cache, classes mixed.</summary>
internal unsafe struct OutboxSlot
{
    /// <summary>Owner tag of the destination.</summary>
    public uint OwnerTag;

    /// <summary>Bytes of the blocks gathered.</summary>
    public uint Bytes;

    /// <summary>The blocks; null when the slot is not in use.</summary>
    public Magazine* Magazine;
}

/// <summary>
/// One thread's part of one heap: a stack of free blocks per class, and behind it the spans that the blocks come from. A heap's central
/// cache is one of these that no thread owns.
/// </summary>
/// <remarks>
/// In native memory, aligned to a cache line, never freed: whoever finds the address of a cache in a span may lock it. The stacks
/// belong to the owning thread while it lives; all else is guarded by <see cref="Lock"/>, except the inbox, which anybody pushes to by
/// compare-exchange.
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal unsafe struct ThreadCache
{
    /// <summary>A destination has the place that its number names: no search, and neighbours never meet. A cache with more destinations has a larger outbox.</summary>
    public const int SmallestOutbox = 16;

    private const int StackBytes = 1 << PageEntry.StackShift;
    private const int ShelfBytes = 192;
    private const int ColdOffset = 192;
    private const int OutboxOffset = ColdOffset + 320;
    private const int InboxOffset = OutboxOffset + (SmallestOutbox * 16);

    // All that others may touch at any time comes before this, all that can be given back after it.
    private const int StacksOffset = InboxOffset + 64;
    private const int HiddenStacksOffset = StacksOffset + (SizeClasses.Capacity * StackBytes);
    private const int ShelvesOffset = HiddenStacksOffset + (SizeClasses.Capacity * StackBytes);

    public const int Size = ShelvesOffset + (SizeClasses.Capacity * ShelfBytes);

    /// <summary>Of a cache: it begins with a line of the processor's cache.</summary>
    public const nuint Alignment = 64;

    /// <summary>
    /// The cache of a thread that has none: all its stacks are closed and no block is its own, so that fast paths fail without asking.
    /// Never written.
    /// </summary>
    public static readonly ThreadCache* None = MakeNone();

    /// <summary>This cache's number, shifted as in page entries. Constant while the cache belongs to a heap.</summary>
    [FieldOffset(0)]
    public uint OwnerTag;

    /// <summary>
    /// Allocations until one comes to a slow path, to be guarded if the heap guards a sample; in other heaps as many as can be counted.
    /// Counted on the fast path only where <see cref="GuardSampling"/> says so. The owning thread's alone.
    /// </summary>
    [FieldOffset(4)]
    public int UntilSample;

    /// <summary>Serial number of the heap; 0 while the cache is in no heap. Written when the cache joins or leaves a heap.</summary>
    [FieldOffset(8)]
    public ulong HeapSerial;

    /// <summary>The large blocks freed last. The owning thread's alone, like the stacks.</summary>
    [FieldOffset(16)]
    public LargeStack Large;

    [FieldOffset(ColdOffset)]
    public NativeLock Lock;

    /// <summary>Place in the heap's registry. Constant while the cache belongs to a heap.</summary>
    [FieldOffset(ColdOffset + 4)]
    public int Index;

    /// <summary>
    /// Twice the incarnation, plus 1 while a thread owns it. Changed by compare-exchange only: hand-over is that one step, and what a
    /// former owner still holds of an earlier incarnation can do nothing.
    /// </summary>
    [FieldOffset(ColdOffset + 8)]
    public long Ownership;

    /// <summary>Next in the registry's list of orphans; guarded by the registry's lock.</summary>
    [FieldOffset(ColdOffset + 16)]
    public ThreadCache* NextOrphan;

    /// <summary>Empty magazines at hand.</summary>
    [FieldOffset(ColdOffset + 24)]
    public Magazine* Spares;

    /// <summary>Magazines of blocks found to be other owners': sent once the lock is released.</summary>
    [FieldOffset(ColdOffset + 32)]
    public Magazine* Pending;

    [FieldOffset(ColdOffset + 40)]
    public int SpareCount;

    /// <summary>Bytes of the blocks of shared classes in depots.</summary>
    [FieldOffset(ColdOffset + 48)]
    public long DepotBytes;

    /// <summary>The heap's tick when the outbox was last used.</summary>
    [FieldOffset(ColdOffset + 56)]
    public uint OutboxUsedAt;

    /// <summary>
    /// Whether a stack may have blocks: set by the owning thread when it opens one, cleared when all have been drained. Others read it to
    /// pass by threads that have nothing.
    /// </summary>
    [FieldOffset(ColdOffset + 44)]
    public bool HasStacks;

    /// <summary>Whether somebody is taking what lies on the stacks. Guarded by the registry's lock.</summary>
    [FieldOffset(ColdOffset + 45)]
    public bool IsReclaimed;

    /// <summary>Whether the cache is in the registry's list of orphans that have spans again. Set under the cache's lock, cleared by the one who takes the list.</summary>
    [FieldOffset(ColdOffset + 46)]
    public bool IsNoted;

    /// <summary>Whether spans with free slots are no news: in the central cache, and in an orphan that is being drained. Guarded by the cache's lock.</summary>
    [FieldOffset(ColdOffset + 47)]
    public bool IsDraining;

    /// <summary>
    /// Whether the memory of stacks and shelves, which were empty, has been given back: nothing is in them, and rounds pass by. Written by
    /// whoever has the orphan in hand; read by rounds, which may be told late.
    /// </summary>
    [FieldOffset(ColdOffset + 264)]
    public bool IsGivenBack;

    /// <summary>For how many rounds the stacks have looked alike, and how they looked; the rounds' own.</summary>
    [FieldOffset(ColdOffset + 60)]
    public int StillRounds;

    [FieldOffset(ColdOffset + 224)]
    public ulong StacksSeen;

    /// <summary>The outbox of a cache with many destinations, and how many there is room for; null and 0 while the one in the cache is enough.</summary>
    [FieldOffset(ColdOffset + 232)]
    public OutboxSlot* LargeOutbox;

    [FieldOffset(ColdOffset + 240)]
    public int LargeOutboxSize;

    /// <summary>How often a destination had to make room for another since the outbox has had its size.</summary>
    [FieldOffset(ColdOffset + 244)]
    public int OutboxCollisions;

    /// <summary>When the cache became an orphan, in orphans of the heap; 0 once it has been drained. Guarded by the registry's lock.</summary>
    [FieldOffset(ColdOffset + 248)]
    public long OrphanedAt;

    /// <summary>Next in the registry's list of orphans that have spans again.</summary>
    [FieldOffset(ColdOffset + 256)]
    public ThreadCache* NextNoted;

    /// <summary>The large blocks freed last while fast paths are to see none. The owning thread's alone.</summary>
    [FieldOffset(ColdOffset + 64)]
    public LargeStack HiddenLarge;

    /// <summary>
    /// The thread's cache of traced memory; 0 before its first scope. Written by the thread; read by the collector, which may be told of
    /// it late.
    /// </summary>
    [FieldOffset(ColdOffset + 208)]
    public nint Traced;

    /// <summary>The one of the thread that had this cache before, until the next needs one. Written before <see cref="Traced"/> is cleared.</summary>
    [FieldOffset(ColdOffset + 216)]
    public nint FormerTraced;

    /// <summary>Blocks on their way to other caches: [owner number % <see cref="SmallestOutbox"/>].</summary>
    [FieldOffset(OutboxOffset)]
    private OutboxSlot _outbox;

    /// <summary>Magazines sent by other threads, last in first out. Anybody pushes by compare-exchange; who holds the lock takes all by exchange.</summary>
    [FieldOffset(InboxOffset)]
    public nint Inbox;

    /// <summary>About how many are in it: interlocked, may lag.</summary>
    [FieldOffset(InboxOffset + 8)]
    public int InboxCount;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ClassStack* Stack(ThreadCache* cache, uint sizeClass) =>
        (ClassStack*)((byte*)cache + StacksOffset + (sizeClass * StackBytes));

    /// <summary>The stack that serves a class while the one that fast paths see is closed.</summary>
    public static ClassStack* HiddenStack(ThreadCache* cache, uint sizeClass) =>
        (ClassStack*)((byte*)cache + HiddenStacksOffset + (sizeClass * StackBytes));

    public static LargeStack* LargeOf(ThreadCache* cache, bool hidden) => hidden ? &cache->HiddenLarge : &cache->Large;

    public static ClassShelf* Shelf(ThreadCache* cache, uint sizeClass) =>
        (ClassShelf*)((byte*)cache + ShelvesOffset + (sizeClass * ShelfBytes));

    /// <summary>
    /// Makes the first span with free slots of one cache another cache's. There is such a span, and the caller holds the locks of both caches.
    /// </summary>
    public static void MoveFirstSpan(ThreadCache* from, ThreadCache* to, uint sizeClass)
    {
        ClassShelf* source = Shelf(from, sizeClass);
        ClassShelf* target = Shelf(to, sizeClass);
        Span* span = source->Head;
        source->Remove(span);
        SpanSource.ChangeOwner(span, (nint)to, to->OwnerTag);
        target->AddFirst(span);
        int taken = span->Slots - span->FreeSlots;
        source->Outstanding -= taken;
        target->Outstanding += taken;
        source->EmptySpans -= taken == 0 ? 1 : 0;
        target->EmptySpans += taken == 0 ? 1 : 0;
    }

    /// <summary>Places in the outbox: a power of two.</summary>
    public static int OutboxSize(ThreadCache* cache) => cache->LargeOutbox == null ? SmallestOutbox : cache->LargeOutboxSize;

    public static OutboxSlot* Outbox(ThreadCache* cache, int index) => (cache->LargeOutbox == null ? &cache->_outbox : cache->LargeOutbox) + index;

    /// <summary>
    /// Closes all stacks and empties all shelves of a cache whose heap is gone. What names it stays: its number, and its ownership,
    /// which former owners may read at any time.
    /// </summary>
    /// <param name="cache">The cache.</param>
    /// <param name="os">The system, to give the memory of stacks and shelves back to; null to keep it.</param>
    public static void Reset(ThreadCache* cache, OsMemory? os)
    {
        const int OwnershipEnd = ColdOffset + 16;
        cache->HeapSerial = 0;
        cache->UntilSample = 0;
        cache->Large = default;
        Clear(cache, OwnershipEnd, StacksOffset);
        if (os != null && OsMemory.DiscardedPagesAreZero && TryDiscard(cache, os, out nint first))
        {
            Clear(cache, StacksOffset, (int)(first - (nint)cache));
        }
        else
        {
            Clear(cache, StacksOffset, Size);
        }
    }

    /// <summary>
    /// Gives the memory of stacks and shelves back, in which nothing may be: what they read as afterwards, all zero or what they were, says
    /// the same. The cache is an orphan in the caller's hands, and no lock is held.
    /// </summary>
    public static bool TryGiveBack(ThreadCache* cache, OsMemory os)
    {
        bool given = TryDiscard(cache, os, out _);
        Volatile.Write(ref cache->IsGivenBack, given);
        return given;
    }

    /// <summary>Whether no span has a block in use or parked, and nothing is on a shelf. The caller holds the lock.</summary>
    public static bool IsEmpty(ThreadCache* cache)
    {
        for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.LastShared; sizeClass++)
        {
            ClassShelf* shelf = Shelf(cache, sizeClass);
            if (shelf->Outstanding != 0 || shelf->Head != null || shelf->DepotCount != 0 || shelf->Walks != null)
            {
                return false;
            }
        }

        return true;
    }

    private static void Clear(ThreadCache* cache, int from, int to) => new Span<byte>((byte*)cache + from, to - from).Clear();

    // To the end of the cache's last page, which is no other's.
    private static bool TryDiscard(ThreadCache* cache, OsMemory os, out nint first)
    {
        nint page = (nint)OsMemory.PageSize;
        first = ((nint)cache + StacksOffset + page - 1) & -page;
        nint end = (nint)cache + (nint)ThreadCachePool.Stride;
        return first < end && os.Discard(first, (nuint)(end - first));
    }

    private static ThreadCache* MakeNone()
    {
        void* memory = NativeMemory.AlignedAlloc(Size, Alignment);
        NativeMemory.Clear(memory, Size);
        ThreadCache* none = (ThreadCache*)memory;
        none->OwnerTag = PageEntry.NobodysTag;
        return none;
    }

    /// <summary>Whether a thread owns the cache, rather than nobody: an orphan, or the central cache.</summary>
    public static bool IsOwned(ThreadCache* cache) => (Volatile.Read(ref cache->Ownership) & 1) != 0;

    /// <summary>The fast path of allocation: pops a block of a shared class.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryAlloc(ThreadCache* cache, nuint byteCount, out void* block) =>
        TryPop(cache, SizeClasses.OfShared(byteCount), out block);

    /// <summary>The same with the class known.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryPop(ThreadCache* cache, uint sizeClass, out void* block)
    {
        // The count after the look at the stack: that of the cache that nobody has is never written.
        ClassStack* stack = Stack(cache, sizeClass);
        nint* top = stack->Top;
        if (top == stack->Base || (GuardSampling.IsCounted && --cache->UntilSample < 0))
        {
            block = null;
            return false;
        }

        top--;
        stack->Top = top;
        block = (void*)*top;
        return true;
    }

    /// <summary>
    /// The fast path of freeing: pushes a block if the page entry says that it is this cache's. The entry cannot change to another
    /// owner's under a block of ours but by our own slow paths; if the timer has just taken the span away, the block is sent on when it
    /// leaves the stack.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryFree(ThreadCache* cache, void* block)
    {
        if (ArenaMap.IsInArena((nint)block))
        {
            uint mine = *ArenaHeader.EntryOf((nint)block) - cache->OwnerTag;
            if (mine <= PageEntry.OwnerMask)
            {
                // One way out with true, and the caller's test of it costs nothing.
                ClassStack* stack = (ClassStack*)((byte*)cache + StacksOffset + PageEntry.StackOffset(mine));
                nint* top = stack->Top;
                if (top != stack->Limit)
                {
                    *top = (nint)block;
                    stack->Top = top + 1;
                    return true;
                }
            }
        }

        return false;
    }
}
