using System.Runtime.CompilerServices;
using SpanHeap.Guard.Protection;
using SpanHeap.Guard.Sampling;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Guard.Records;

/// <summary>
/// The records of a heap's guarded blocks: finds the block of an address, and records what happens to it. Has the only lock of guarded
/// blocks.
/// </summary>
/// <remarks>
/// Thread safe. Methods whose summary says so are called under <see cref="Lock"/>, the others without it. No system call is made under it:
/// a thread that has taken a span out of the state in which others look for it, or out of quarantine, has the span to itself until it puts it
/// back.
/// <para>What a record says is written before it is true: a span is linked into the tables last of all, and its record's state is written after
/// the rest of the record. Events are kept in a file as well, outside of the lock, by the thread that has the span to itself.</para>
/// </remarks>
internal sealed unsafe class GuardRecords(PageHeap pages, ArenaSource arenas, GuardCharge charge, SampleBudget? sample)
{
    /// <summary>Guards records, the states of spans, the live guards and the quarantine.</summary>
    public NativeLock Lock = new(LockRank.Guard);

    /// <summary>The live blocks of a sample that have their guard. Under the lock; empty where all blocks are guarded.</summary>
    public LiveGuards LiveGuards;

    // Numbers the events of all heaps of the process in the order in which they happen.
    private static ulong s_sequence;

    // Written under the lock; read without it for statistics. Pages are those of arenas.
    private long _liveBlocks;
    private long _liveBytes;
    private long _hugeBytes;
    private long _pages;
    private long _guarded;

    /// <summary>The number of live guarded blocks.</summary>
    public long LiveBlocks => Volatile.Read(ref _liveBlocks);

    /// <summary>The bytes that were asked for with live guarded blocks.</summary>
    public long LiveBytes => Volatile.Read(ref _liveBytes);

    /// <summary>The part of <see cref="LiveBytes"/> that no arena holds.</summary>
    public long HugeBytes => Volatile.Read(ref _hugeBytes);

    /// <summary>The pages of arenas that guarded spans have, in quarantine as well.</summary>
    public long Pages => Volatile.Read(ref _pages);

    /// <summary>The number of blocks that have ever been guarded.</summary>
    public long Guarded => Volatile.Read(ref _guarded);

    /// <summary>Finds the guarded span that an address lies in; null when there is none of this heap. Under the lock.</summary>
    /// <remarks>The entry of a guarded span of this heap stays valid as long as the lock is held. Those of other heaps may change at any time.</remarks>
    public GuardedSpan* Find(nint address)
    {
        Lock.AssertHeld();
        if (!ArenaMap.IsInArenaOf(arenas.HeapSerial, address))
        {
            return FindHuge(address);
        }

        uint entry = Volatile.Read(ref *ArenaHeader.EntryOf(address));
        return PageEntry.IsGuarded(entry) ? GuardedSpan.Of(address, entry) : null;
    }

    /// <summary>Copies the record of the block that an address lies in or beside, live or in quarantine; false when the page is no guarded block's.</summary>
    public bool TryFind(nint address, out GuardRecord record)
    {
        Lock.Enter();
        GuardedSpan* span = Find(address);
        record = span != null ? span->Record : default;
        Lock.Exit();
        return span != null;
    }

    /// <summary>Looks whether an address is a live block's, and whether bytes beside the block were written to.</summary>
    public GuardFinding Inspect(nint address)
    {
        Lock.Enter();
        GuardFinding finding = GuardFinding.Of(Find(address), address);
        Lock.Exit();
        return finding;
    }

    /// <summary>Inspects a block, and if it is sound has other threads take it for freed until <see cref="CancelMove"/> or <see cref="Free"/>.</summary>
    public GuardFinding BeginMove(nint address)
    {
        Lock.Enter();
        GuardedSpan* span = Find(address);
        GuardFinding finding = GuardFinding.Of(span, address);
        if (finding.IsSound)
        {
            span->IsMoving = true;
        }

        Lock.Exit();
        return finding;
    }

    /// <summary>Ends what <see cref="BeginMove"/> began: the block is live as before.</summary>
    public void CancelMove(nint address)
    {
        Lock.Enter();
        GuardedSpan* span = Find(address);
        Invariant.Assert(span != null && span->IsMoving, "What ends was begun.");
        span->IsMoving = false;
        Lock.Exit();
    }

    /// <summary>Inspects a block, and if it is sound writes down that it is freed.</summary>
    /// <param name="address">The block's first byte.</param>
    /// <param name="hasMoved">Whether the caller has moved the block since <see cref="BeginMove"/>.</param>
    /// <param name="stack">The number of the caller's stack.</param>
    /// <param name="span">The block's span, which is the caller's to quarantine; null when another thread has it, which will do that.</param>
    /// <param name="freed">A copy of the record.</param>
    /// <returns>What was found. If that is not sound, the block stays allocated.</returns>
    public GuardFinding Free(nint address, bool hasMoved, int stack, out GuardedSpan* span, out GuardRecord freed)
    {
        freed = default;
        Lock.Enter();
        span = Find(address);
        if (hasMoved)
        {
            span->IsMoving = false;
        }

        GuardFinding finding = GuardFinding.Of(span, address);
        if (finding.IsSound)
        {
            NoteFree(span, GuardState.Freed, stack);
            freed = span->Record;
            span = span->GuardForm == ProtectionForm.Unprotecting ? null : span;
        }

        Lock.Exit();
        return finding;
    }

    /// <summary>Makes a new block live: from here on any thread finds it.</summary>
    /// <param name="span">The block's span, of which all else is written.</param>
    /// <param name="stack">The number of the caller's stack.</param>
    public void Publish(GuardedSpan* span, int stack)
    {
        ref GuardRecord record = ref span->Record;
        Lock.Enter();
        Invariant.Assert(record.State != GuardState.Live, "A block becomes live once.");
        record.State = GuardState.Live;
        record.AllocThread = Environment.CurrentManagedThreadId;
        record.AllocStack = stack;
        Stamp(ref record);
        _liveBlocks++;
        _liveBytes += (long)record.ByteCount;
        _hugeBytes += span->IsHuge ? (long)record.ByteCount : 0;
        _guarded++;
        if (sample != null)
        {
            LiveGuards.Add(span);
        }

        Link(span);
        Lock.Exit();
    }

    /// <summary>Writes the record of a traced span in which nothing lives. The caller alone has its pages, and no entry names them.</summary>
    /// <returns>The span, which the caller must put into quarantine.</returns>
    public GuardedSpan* PublishSwept(nint address, int pageCount)
    {
        GuardedSpan* span = (GuardedSpan*)ArenaHeader.SpanAt(address);
        *span = default;
        span->Span.Base = address;
        span->Span.Pages = pageCount;
        span->Span.Slots = 1;
        span->Span.SlotSize = (nuint)pageCount << PageGeometry.PageShift;
        span->Record.Address = address;
        span->Record.ByteCount = span->Bytes;
        span->Record.SpanBase = address;
        span->Record.State = GuardState.Swept;
        span->Record.FreeThread = Environment.CurrentManagedThreadId;
        Stamp(ref span->Record);
        sample?.Give(SampleBudget.TracedCost);
        Lock.Enter();
        Link(span);
        Lock.Exit();
        return span;
    }

    /// <summary>Writes down that a block is freed. Under the lock; from here on the caller alone has the span.</summary>
    public void NoteFree(GuardedSpan* span, GuardState state, int stack)
    {
        Lock.AssertHeld();
        ref GuardRecord record = ref span->Record;
        Invariant.Assert(record.State == GuardState.Live && state != GuardState.Live, "Only a live block is freed.");
        record.FreeThread = Environment.CurrentManagedThreadId;
        record.FreeStack = stack;
        Stamp(ref record);
        Volatile.Write(ref Unsafe.As<GuardState, int>(ref record.State), (int)state);
        _liveBlocks--;
        _liveBytes -= (long)record.ByteCount;
        charge.Release(record.ByteCount);
        if (sample != null)
        {
            LiveGuards.Remove(span);
            sample.Give(SampleBudget.CostOf(span->Span.Pages, record.ByteCount));
        }

        _hugeBytes -= span->IsHuge ? (long)record.ByteCount : 0;
        Invariant.Assert(_liveBlocks >= 0 && _liveBytes >= 0 && _hugeBytes >= 0, "No more blocks are freed than lived.");
    }

    /// <summary>Has any thread find a span, of which all else is written. Under the lock.</summary>
    public void Link(GuardedSpan* span)
    {
        Lock.AssertHeld();
        span->Span.State = SpanState.Guarded;
        if (span->IsHuge)
        {
            HugeGuard.Publish((HugeGuard*)span, arenas.HeapSerial);
        }
        else
        {
            _pages += span->Span.Pages;
            GuardedSpan.Publish(span);
        }
    }

    /// <summary>Takes a span out of every table, so that no thread finds it. Under the lock, or when no thread uses the heap any more.</summary>
    public void Unlink(GuardedSpan* span)
    {
        if (span->IsHuge)
        {
            HugeGuard.Unlink(span);
        }
        else
        {
            _pages -= span->Span.Pages;
            GuardedSpan.Unlink(span);
        }
    }

    /// <summary>Copies the records of all live blocks.</summary>
    public List<GuardRecord> FindLive()
    {
        List<GuardRecord> live = [];
        for (int i = 0; pages.TryGetArena(i, out nint arena); i++)
        {
            for (int page = pages.Geometry.HeaderPages; page < pages.Geometry.PagesPerArena; page++)
            {
                nint address = arena + ((nint)page << PageGeometry.PageShift);
                if (*ArenaHeader.EntryOf(address) == PageEntry.OfGuarded(0))
                {
                    AddIfLive(live, address);
                }
            }
        }

        for (nint from = 0; HugeBlockTable.TryFindGuarded(arenas.HeapSerial, from, out HugeBlock huge); from = huge.Address + 1)
        {
            AddIfLive(live, huge.Address);
        }

        return live;
    }

    private void AddIfLive(List<GuardRecord> live, nint address)
    {
        if (TryFind(address, out GuardRecord record) && record.State == GuardState.Live)
        {
            live.Add(record);
        }
    }

    // Called under the lock, without which no thread takes a guarded block out of the tables.
    private GuardedSpan* FindHuge(nint address) =>
        HugeBlockTable.TryFind(address, out HugeBlock huge) && huge.HeapSerial == arenas.HeapSerial ? (GuardedSpan*)huge.Guarded : null;

    private static void Stamp(ref GuardRecord record)
    {
        record.Sequence = Interlocked.Increment(ref s_sequence);
        record.Time = (uint)Environment.TickCount64;
    }
}
