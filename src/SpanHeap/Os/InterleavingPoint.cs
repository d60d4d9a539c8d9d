namespace SpanHeap.Os;

/// <summary>
/// Places in the heap's protocols where a test may let other threads run. No thread holds a <see cref="NativeLock"/> at any of them.
/// </summary>
internal enum InterleavingPoint
{
    /// <summary>Counted as sweeping, with no span yet.</summary>
    SweepBegun,

    /// <summary>Taken out of the lists of unswept spans, and not won yet.</summary>
    SpanTakenUnswept,
    SweepAcquired,
    SweepClearedBits,
    SweepStoredGeneration,

    /// <summary>Swept, and in a set or the page heap's.</summary>
    SpanPublished,

    /// <summary>A kind had no unswept span; the next is not named yet.</summary>
    KindExhausted,

    /// <summary>Nothing was left to begin; others are not told yet.</summary>
    SweepFoundNothing,

    /// <summary>Waiting for others to end their sweeping.</summary>
    SweepersAwaited,

    /// <summary>A fresh span's pages are taken, its record is as the last owner left it.</summary>
    SpanPagesTaken,

    /// <summary>A fresh span's record is written, no page entry names it.</summary>
    SpanRecordWritten,

    /// <summary>No page entry names the span any more; its pages are not free yet.</summary>
    SpanReleased,

    /// <summary>The caller's, and not said to be cached yet.</summary>
    SpanTaken,
    SpanCached,
    SpanUncached,

    /// <summary>A stale cache has given back all that it had; it still counts as sweeping.</summary>
    CacheFlushed,
    GenerationAdvanced,

    /// <summary>In a scope as far as others see; the gate is not looked at yet.</summary>
    ScopeEntering,
    ScopeEntered,
    ScopeLeft,
    GateClosed,
    GateOpened,

    /// <summary>Waiting at the closed gate.</summary>
    GateAwaited,

    /// <summary>The gate was open; it may be closed again.</summary>
    GatePassed,

    /// <summary>Waiting for threads that are in a scope.</summary>
    ScopesAwaited,

    /// <summary>Waiting for another collection to end.</summary>
    CollectorAwaited,
    MarkingBegins,
    MarkingEnded,

    /// <summary>Weak handles of dead blocks name nothing; the blocks are not said to be dead yet.</summary>
    RecordsTaken,
    MarkWorkGiven,
    MarkWorkTaken,

    /// <summary>Waiting for other markers.</summary>
    MarkWorkAwaited,

    /// <summary>Found nothing left; still said to be running.</summary>
    BackgroundRoundEnding,
    BackgroundRoundEnded,

    /// <summary>Waiting for a round to end.</summary>
    BackgroundRoundAwaited,

    /// <summary>No slot is free, and none is added yet.</summary>
    RootSlotsMissing,

    // From here on: blocks that are freed by hand, and the pages under all blocks.

    /// <summary>The page entry of a block of another owner has been read; the block is not in the outbox yet.</summary>
    RemoteBlockFreed,

    /// <summary>Magazines have left an outbox, or were put aside, and are in the sender's hands alone.</summary>
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

    /// <summary>A fresh cache is in the registry; no thread owns it yet.</summary>
    CacheAdded,

    /// <summary>A cache has become the calling thread's; the thread's record does not name it yet.</summary>
    CacheOwned,

    /// <summary>An orphan's shelf has spans, which are the central cache's next.</summary>
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

    /// <summary>No point: one past the last.</summary>
    End,
}
