namespace SpanHeap.Os;

/// <summary>
/// Places in the heap's protocols where a test may let other threads run. No thread holds a <see cref="NativeLock"/> at any of them.
/// </summary>
internal enum InterleavingPoint
{
    /// <summary>The thread is counted as sweeping, but has no span yet.</summary>
    SweepBegun,

    /// <summary>A span has been taken out of the lists of unswept spans, but not been won yet.</summary>
    SpanTakenUnswept,
    SweepAcquired,
    SweepClearedBits,
    SweepStoredGeneration,

    /// <summary>A span has been swept and is in a set or back in the page heap.</summary>
    SpanPublished,

    /// <summary>A span has been swept and held back; what exceeds the budget is still there, too.</summary>
    SpanKeptBack,

    /// <summary>A kind had no unswept span; the next kind has not been named yet.</summary>
    KindExhausted,

    /// <summary>There was nothing left to begin; other threads do not know it yet.</summary>
    SweepFoundNothing,

    /// <summary>The thread waits for others to end their sweeping.</summary>
    SweepersAwaited,

    /// <summary>The pages of a fresh span are taken; its record is as the last owner left it.</summary>
    SpanPagesTaken,

    /// <summary>The record of a fresh span is written; no page entry names it yet.</summary>
    SpanRecordWritten,

    /// <summary>No page entry names the span any longer; its pages are not free yet.</summary>
    SpanReleased,

    /// <summary>A span is the caller's, but not marked as cached yet.</summary>
    SpanTaken,
    SpanCached,
    SpanUncached,

    /// <summary>A nursery is being emptied: its first spans have no block any more, and its cursors name them still.</summary>
    NurseryEmptying,

    /// <summary>A stale cache has given back everything it had; it still counts as sweeping.</summary>
    CacheFlushed,
    GenerationAdvanced,

    /// <summary>Other threads see the thread in a scope; it has not looked at the gate yet.</summary>
    ScopeEntering,
    ScopeEntered,
    ScopeLeft,
    GateClosed,
    GateOpened,

    /// <summary>The thread waits at the closed gate.</summary>
    GateAwaited,

    /// <summary>The gate was open; it may have closed again.</summary>
    GatePassed,

    /// <summary>The thread waits for threads that are in a scope.</summary>
    ScopesAwaited,

    /// <summary>The thread waits for another collection to end.</summary>
    CollectorAwaited,
    MarkingBegins,
    MarkingEnded,

    /// <summary>A thread has shaded what a reference refers to, and has not overwritten the reference yet.</summary>
    BlockShaded,

    /// <summary>The thread waits until a concurrent marker has come further.</summary>
    MarkerAwaited,

    /// <summary>A concurrent marker has found nothing left, but threads that assist have pages.</summary>
    AssistantsAwaited,

    /// <summary>A concurrent marker has found nothing left; threads may be shading blocks still.</summary>
    MarkingEnding,

    /// <summary>Marks are complete, and threads go on while weak handles and clean-ups are looked at.</summary>
    RecordsJudged,

    /// <summary>The collector has found a weak handle whose block is dead, and has not cleared it yet.</summary>
    DeadHandleFound,

    /// <summary>Weak handles of dead blocks name nothing; the blocks are not marked dead yet.</summary>
    RecordsTaken,
    MarkWorkGiven,
    MarkWorkTaken,

    /// <summary>The thread waits for other markers.</summary>
    MarkWorkAwaited,

    /// <summary>A block has just been marked; nothing says yet that it waits.</summary>
    BlockMarked,

    /// <summary>A marked block waits to be looked into; whether its page is queued has not been asked yet.</summary>
    BlockWaits,

    /// <summary>A marker has found no block of its page that waits, and has the page still.</summary>
    PageLeaving,

    /// <summary>A marker has let its page go, and has not looked at it again.</summary>
    PageLeft,

    /// <summary>A background round found nothing left; it is still marked as running.</summary>
    BackgroundRoundEnding,
    BackgroundRoundEnded,

    /// <summary>The thread waits for a background round to end.</summary>
    BackgroundRoundAwaited,

    /// <summary>No root slot is free, and none has been added yet.</summary>
    RootSlotsMissing,

    // From here on: blocks that are freed by hand, and the pages under all blocks.

    /// <summary>The page entry of another owner's block has been read; the block is not in the outbox yet.</summary>
    RemoteBlockFreed,

    /// <summary>Magazines have left an outbox or were put aside; only the sender can reach them.</summary>
    OutboxTaken,

    /// <summary>A block's owner has been read from its page entry; the owner's lock is not taken yet.</summary>
    OwnerRead,

    /// <summary>The head of an inbox has been read; the magazine is not pushed yet.</summary>
    InboxRead,

    /// <summary>A magazine is in an inbox whose owner may have ended since it was looked up.</summary>
    InboxFilled,

    /// <summary>A stack is empty; the lock of its cache is not taken yet.</summary>
    RefillBegins,

    /// <summary>A thread is known to have ended; its cache is not an orphan yet.</summary>
    ThreadFoundDead,

    /// <summary>An orphan is in no list; only the thread that took it can reach its stacks.</summary>
    OrphanTaken,

    /// <summary>An orphan has been drained and is in no list yet.</summary>
    OrphanDrained,

    /// <summary>Caches have been added to the pool of the process; the thread that added them has none of them yet.</summary>
    SlabAdded,

    /// <summary>A fresh cache is in the registry; no thread owns it yet.</summary>
    CacheAdded,

    /// <summary>A cache has become the calling thread's; the thread's record does not name it yet.</summary>
    CacheOwned,

    /// <summary>An orphan's bin has spans, which are the central cache's next.</summary>
    SpansMoving,

    /// <summary>Pages were refused, and the reason is known; the caller neither grows nor relieves the heap yet.</summary>
    PagesRefused,

    /// <summary>It is the thread's turn to add arenas; it has not looked yet whether they are still lacking.</summary>
    GrowthBegins,

    /// <summary>Waiting for another thread to add arenas.</summary>
    GrowthAwaited,

    /// <summary>Waiting for pages that are being given back to the system.</summary>
    ScavengeAwaited,

    /// <summary>Free pages are in the hands of a scavenger; they are not discarded yet.</summary>
    RunTaken,

    /// <summary>A scavenger has discarded pages; they are not free again yet.</summary>
    RunDiscarded,

    /// <summary>The free slots of a span have been taken; their memory is not discarded yet.</summary>
    SlotsTaken,

    /// <summary>The memory of free slots has been discarded; the slots are not back yet.</summary>
    SlotsDiscarded,

    /// <summary>The top of a stack has been read, and is not moved yet. Also on fast paths.</summary>
    StackRead,

    /// <summary>The program's thread sleeps. It wakes when it likes.</summary>
    ThreadAsleep,

    /// <summary>The stack of an allocation has been kept by .NET code that may have waited: the thread counts as asleep.</summary>
    CallStackKept,

    /// <summary>Some threads no longer find their caches; none has been asked yet whether it waits.</summary>
    SleepersHidden,

    /// <summary>A thread has been asked whether it waits; the blocks on its stacks have not been taken yet.</summary>
    SleeperAsked,

    /// <summary>One more of a cache's stacks is about to be closed.</summary>
    StackClosing,

    /// <summary>A thread finds its cache again; the cache is still marked as held by the thread that took its stacks.</summary>
    SleeperShown,

    /// <summary>The thread waits for another one that is taking the blocks on its stacks.</summary>
    StacksAwaited,

    /// <summary>The thread waits while another round has its turn.</summary>
    TurnAwaited,

    /// <summary>A byte of the map says that an address lies in an arena; the page entry has not been read yet.</summary>
    ArenaFound,

    /// <summary>A page entry without a block has been read; whether the arena still reaches that far is not known yet.</summary>
    UnusedEntryRead,

    /// <summary>The page heap has released the pages of an arena; the arena still claims them.</summary>
    ArenaTaken,

    /// <summary>The end that an arena records has changed.</summary>
    ArenaEndMoved,

    /// <summary>The addresses past the end of an arena belong to the system.</summary>
    ArenaUnmapped,

    /// <summary>There is memory past the recorded end of an arena.</summary>
    ArenaMapped,

    /// <summary>An arena is in no table; its memory is still mapped.</summary>
    ArenaUnlisted,

    /// <summary>The record of a guarded block is written; the block is about to be findable.</summary>
    GuardedBlockMade,

    /// <summary>A guarded block is freed and the freeing thread owns its span; the pages do not fault yet.</summary>
    GuardedBlockFreed,

    /// <summary>The pages of a freed guarded block fault; it is not in quarantine yet.</summary>
    FreedBlockProtected,

    /// <summary>A guarded span has left quarantine and every table; its pages still fault.</summary>
    GuardUnlinked,

    /// <summary>The pages of a guarded span are accessible; the page heap does not have them yet.</summary>
    GuardUnprotected,

    /// <summary>A live block is about to lose its guard.</summary>
    LiveGuardUnprotecting,

    /// <summary>A live block's guard is accessible; its record does not say so yet.</summary>
    LiveGuardUnprotected,

    /// <summary>A ticket of the ring of freed blocks has been taken; the block is not in its place yet.</summary>
    TicketTaken,

    /// <summary>A block has been displaced from the ring and may change places with another.</summary>
    BlockDisplaced,

    /// <summary>A place of the ring is about to be emptied.</summary>
    PlaceEmptying,

    /// <summary>Not a point: one past the last.</summary>
    End,
}
