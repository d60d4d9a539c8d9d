using System.Runtime.InteropServices;
using SpanHeap.Guarding.Faults;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Guarding;

/// <summary>
/// The guarded blocks of a heap. Each is a span of its own over the heap's page heap, with its end (or its start) at a page that faults;
/// once freed all of it faults, until it leaves quarantine and its pages are anybody's again.
/// </summary>
/// <remarks>
/// Thread safe by one lock, which guards records, states and the quarantine. No system call is made under it: who has taken a span out
/// of the state that others look for, or out of the quarantine, is alone with it until he puts it back.
/// <para>The laws: what a record says is written before it is true. A block's pages fault before it is in quarantine. A span that leaves
/// is unlinked from every table before its pages are accessible, and accessible before the page heap has them: nobody who finds a record
/// can come to pages of another owner, and no owner of pages finds them protected. (The model <c>guard-quarantine.pml</c> shows what breaks
/// otherwise.)</para>
/// </remarks>
internal sealed unsafe partial class GuardHeap(OsMemory os, PageHeap pages, ArenaSource arenas, NativeHeapOptions options, GuardRecordFile? file, MappingBudget mappings, Action<nint, MisuseKind> late)
{
    private readonly PageProtection _protection = new(os, mappings);

    // Null where all blocks are guarded.
    private readonly SampleBudget? _sample = options.Guard == GuardMode.All ? null : new SampleBudget(options.GuardBudget, pages, arenas);

    private NativeLock _lock;

    // Under the lock; the counts are read without it by statistics. Pages are those of arenas.
    private GuardQuarantine _quarantine;
    private GuardQuarantine _hugeQuarantine;
    private long _liveBlocks;
    private long _liveBytes;
    private long _hugeBytes;
    private long _pages;
    private long _guarded;
    private long _retired;

    // By the lock as well; of a sample alone.
    private LiveGuards _liveGuards;

    // Interlocked.
    private long _degraded;
    private long _skipped;
    private int _warned;

    /// <summary>Address space that freed blocks may take until the oldest leave; in a sampling heap also what those that live take, up to a part of the heap.</summary>
    public nuint BudgetBytes { get; } = options.GuardBudget;

    /// <summary>Pages that the guards of a sample add to blocks that live.</summary>
    internal long SamplePages => _sample?.Taken ?? 0;

    /// <summary>Whether all blocks are to be guarded.</summary>
    public bool GuardsAll => options.Guard == GuardMode.All;

    public GuardStatistics Statistics => new(
        Volatile.Read(ref _liveBlocks),
        Volatile.Read(ref _liveBytes),
        Volatile.Read(ref _hugeBytes),
        _quarantine.Spans + _hugeQuarantine.Spans,
        (_quarantine.Pages + _hugeQuarantine.Pages) << PageGeometry.PageShift,
        Volatile.Read(ref _pages),
        Volatile.Read(ref _guarded),
        Volatile.Read(ref _retired),
        Volatile.Read(ref _degraded),
        Volatile.Read(ref _skipped),
        _protection.UsesMarkers,
        _protection.Mappings,
        HasFaultReport: FaultHandler.IsInstalled);

    /// <summary>Frees a guarded block; from then on an access to it faults. Call without a lock.</summary>
    /// <param name="address">The block's first byte.</param>
    /// <param name="hasMoved">Whether the caller has moved it, since <see cref="BeginMove"/>.</param>
    /// <exception cref="HeapCorruptionException">The address is no live block's, or bytes beside the block were written to. It stays allocated.</exception>
    public void Free(nint address, bool hasMoved = false)
    {
        int stack = options.GuardStacks ? StackDepot.Capture() : 0;
        _lock.Enter();
        GuardedSpan* span = Find(address);
        if (hasMoved)
        {
            span->IsMoving = false;
        }

        GuardFinding finding = GuardFinding.Of(span, address);
        GuardRecord freed = default;
        bool isOthers = false;
        if (finding.IsSound)
        {
            NoteFree(span, GuardState.Freed, stack);
            freed = span->Record;
            isOthers = span->GuardForm == ProtectionForm.Withdrawing;
        }

        _lock.Exit();
        finding.ThrowUnlessSound();
        file?.Note(freed);
        if (!isOthers)
        {
            Withdraw(span);
        }
    }

    /// <summary>
    /// Makes sure that a live block stays while the caller copies it elsewhere: to others it is freed. Ends with <see cref="Free"/>, or
    /// <see cref="CancelMove"/>.
    /// </summary>
    /// <returns>The bytes that were asked for with it.</returns>
    /// <exception cref="HeapCorruptionException">The address is no live block's, or bytes beside the block were written to.</exception>
    public nuint BeginMove(nint address)
    {
        _lock.Enter();
        GuardedSpan* span = Find(address);
        GuardFinding finding = GuardFinding.Of(span, address);
        if (finding.IsSound)
        {
            span->IsMoving = true;
        }

        _lock.Exit();
        finding.ThrowUnlessSound();
        return finding.Record.ByteCount;
    }

    /// <summary>The block stays where it is.</summary>
    public void CancelMove(nint address)
    {
        _lock.Enter();
        Find(address)->IsMoving = false;
        _lock.Exit();
    }

    /// <summary>
    /// Has a block that is being moved not count towards the heap's limit, or count again. A heap without guards may grow a block where it
    /// is: before it is refused, a limit with room for the larger of both will do. (Others may take that room meanwhile: should the block
    /// stay then, the heap is over its limit until as much is freed.)
    /// </summary>
    public void CountMoving(nuint byteCount, bool counts) => arenas.CountGuarded(counts ? (long)ChargeFor(byteCount) : -(long)ChargeFor(byteCount));

    /// <summary>The bytes that were asked for with a live block.</summary>
    /// <exception cref="HeapCorruptionException">The address is no live block's, or bytes beside the block were written to.</exception>
    public nuint RequireByteCount(nint address)
    {
        _lock.Enter();
        GuardFinding finding = GuardFinding.Of(Find(address), address);
        _lock.Exit();
        finding.ThrowUnlessSound();
        return finding.Record.ByteCount;
    }

    /// <summary>Live blocks grouped by the stack that allocated them, the most bytes first.</summary>
    public IReadOnlyList<LiveBlockGroup> LiveBlocks()
    {
        List<GuardRecord> live = [];
        for (int i = 0; pages.TryGetArena(i, out nint arena); i++)
        {
            for (int page = pages.Geometry.HeaderPages; page < pages.Geometry.PagesPerArena; page++)
            {
                nint address = arena + ((nint)page << PageGeometry.PageShift);
                if (*ArenaHeader.EntryOf(address) == PageEntry.OfGuarded(0) && TryFind(address, out GuardRecord record) && record.State == GuardState.Live)
                {
                    live.Add(record);
                }
            }
        }

        for (nint from = 0; HugeBlocks.TryFindGuarded(arenas.HeapSerial, from, out HugeBlock huge); from = huge.Address + 1)
        {
            if (TryFind(huge.Address, out GuardRecord record) && record.State == GuardState.Live)
            {
                live.Add(record);
            }
        }

        return GuardLeaks.Group(live);
    }

    /// <summary>The block that an address lies in or beside, live or in quarantine; false when its page is no guarded block's any more.</summary>
    public bool TryFind(nint address, out GuardRecord record)
    {
        _lock.Enter();
        GuardedSpan* span = Find(address);
        record = span != null ? span->Record : default;
        _lock.Exit();
        return span != null;
    }

    /// <summary>
    /// Makes all pages accessible before their memory goes back to where it came from, and has it go where that is not the arenas'. Nobody
    /// uses the heap any more.
    /// </summary>
    public void Close()
    {
        for (int i = 0; pages.TryGetArena(i, out nint arena); i++)
        {
            Uncover(arena, (nuint)(ArenaHeader.EndOf(arena) - arena));
        }

        while (HugeBlocks.TryFindGuarded(arenas.HeapSerial, 0, out HugeBlock huge))
        {
            GuardedSpan* span = (GuardedSpan*)huge.Guarded;
            Unlink(span);
            Uncover(span->Span.Base, span->Bytes);
            GiveBack(span);
        }

        _protection.Close();
    }

    private void Uncover(nint start, nuint bytes)
    {
        if (_protection.UsesMarkers)
        {
            os.RemoveGuard(start, bytes);
        }

        if (_protection.Mappings > 0)
        {
            os.Unfault(start, bytes);
        }
    }

    // Under the lock: an entry of a guarded span of this heap is true as long as it is held. Of another heap's nothing is.
    private GuardedSpan* Find(nint address)
    {
        if (!ArenaMap.IsInArenaOf(arenas.HeapSerial, address))
        {
            return FindHuge(address);
        }

        uint entry = Volatile.Read(ref *ArenaHeader.EntryOf(address));
        return PageEntry.IsGuarded(entry) ? GuardedSpan.Of(address, entry) : null;
    }

    /// <summary>Counts a block that was to be guarded and is not, and says so the first time.</summary>
    public void NoteUnguarded(string why)
    {
        Interlocked.Increment(ref _degraded);
        if (Interlocked.Exchange(ref _warned, 1) == 0)
        {
            ErrorStream.WriteLine($"SpanHeap: a block could not be guarded, because {why}. Such blocks are checked without (this is said once; statistics count them).");
        }
    }
}
