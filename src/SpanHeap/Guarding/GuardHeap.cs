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
internal sealed unsafe partial class GuardHeap(OsMemory os, PageHeap pages, ArenaSource arenas, NativeHeapOptions options, GuardRecordFile? file, Action<nint, MisuseKind> late)
{
    // Blocks up to this are filled when they are not asked for zeroed: beyond it would cost memory that the program may never touch.
    private const nuint LargestFilled = 64 * 1024;

    // 8 TiB: half of what a span's count of pages can say, so that block, guard and rounding never overflow it.
    private const ulong LargestGuarded = 1UL << (30 + PageGeometry.PageShift);

    private readonly PageProtection _protection = new(os, MappingBudget.Process);

    private NativeLock _lock;

    // Under the lock; the counts are read without it by statistics. Pages are those of arenas.
    private GuardQuarantine _quarantine;
    private GuardQuarantine _hugeQuarantine;
    private long _liveBlocks;
    private long _liveBytes;
    private long _pages;
    private long _guarded;
    private long _retired;

    // Interlocked.
    private long _degraded;
    private long _skipped;
    private int _warned;

    /// <summary>Address space that freed blocks may take until the oldest leave, and in a sampling heap all guarded blocks together.</summary>
    public nuint BudgetBytes { get; } = options.GuardBudget;

    /// <summary>Whether all blocks are to be guarded.</summary>
    public bool GuardsAll => options.Guard == GuardMode.All;

    public GuardStatistics Statistics => new(
        Volatile.Read(ref _liveBlocks),
        Volatile.Read(ref _liveBytes),
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

    /// <summary>A guarded block; null when it cannot be: the caller allocates one without a guard then. Call without a lock.</summary>
    /// <param name="byteCount">Any number of bytes.</param>
    /// <param name="alignment">A power of two.</param>
    /// <param name="zeroed">Whether its bytes are to be zero.</param>
    public void* TryAllocate(nuint byteCount, nuint alignment, bool zeroed)
    {
        if (!TryLayOut(byteCount, alignment, out GuardLayout layout))
        {
            Degrade("no address space has room for it");
            return null;
        }

        if (!HasRoom(layout))
        {
            Interlocked.Increment(ref _skipped);
            return null;
        }

        int stack = options.GuardStacks ? StackDepot.Capture() : 0;
        if (!TryTakeSpan(layout, zeroed, out GuardedSpan* span, out bool needsZero))
        {
            Degrade("there is no address space or memory for its pages");
            return null;
        }

        Complete(span, layout, byteCount);
        span->GuardForm = _protection.Protect(span->GuardStart, span->GuardBytes);
        if (span->GuardForm == ProtectionForm.None)
        {
            GiveBack(span);
            Degrade("the system does not protect more pages");
            return null;
        }

        Fill(span, zeroed, needsZero);
        Publish(span, stack);
        file?.Note(span->Record);
        return (void*)span->Record.Address;
    }

    /// <summary>Frees a guarded block; from then on an access to it faults. Call without a lock.</summary>
    /// <exception cref="HeapCorruptionException">The address is no live block's, or bytes beside the block were written to. It stays allocated.</exception>
    public void Free(nint address)
    {
        int stack = options.GuardStacks ? StackDepot.Capture() : 0;
        _lock.Enter();
        GuardedSpan* span = Find(address);
        GuardFinding finding = GuardFinding.Of(span, address);
        if (finding.IsSound)
        {
            NoteFree(span, GuardState.Freed, stack);
        }

        _lock.Exit();
        finding.ThrowUnlessSound();
        file?.Note(span->Record);
        Withdraw(span);
    }

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
            Uncover(arena, (nuint)PageGeometry.ArenaSize);
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

    // Under the lock: an entry of a guarded span is true as long as it is held.
    private GuardedSpan* Find(nint address)
    {
        if (!ArenaMap.IsInArena(address))
        {
            return FindHuge(address);
        }

        uint entry = Volatile.Read(ref *ArenaHeader.EntryOf(address));
        return PageEntry.IsGuarded(entry) ? GuardedSpan.Of(address, entry) : null;
    }

    private bool TryLayOut(nuint byteCount, nuint alignment, out GuardLayout layout)
    {
        layout = default;
        if (byteCount > LargestGuarded || alignment > LargestGuarded)
        {
            return false;
        }

        nuint natural = options.GuardStrict ? 1 : byteCount <= 8 ? 8u : 16;
        bool atStart = options.GuardAlignment == GuardAlignment.Start || (options.GuardAlignment == GuardAlignment.Random && Random.Shared.Next(2) == 0);
        layout = GuardLayout.Of(byteCount, Math.Max(alignment, natural), atStart);
        return true;
    }

    // A sample stays within its budget, live blocks and all; where all are guarded only what is freed has one.
    private bool HasRoom(in GuardLayout layout)
    {
        if (GuardsAll)
        {
            return true;
        }

        if (layout.Pages << PageGeometry.PageShift > BudgetBytes || !FitsArena(layout))
        {
            return false;
        }

        while ((nuint)(Volatile.Read(ref _pages) + (long)layout.Pages) << PageGeometry.PageShift > BudgetBytes)
        {
            if (!TryRetireOldest())
            {
                return false;
            }
        }

        return true;
    }

    private bool FitsArena(in GuardLayout layout) => pages.Geometry.Fits(layout.Pages, layout.Alignment);

    // A span with pages and a base, nothing else: its maker's alone.
    private bool TryTakeSpan(in GuardLayout layout, bool zeroed, out GuardedSpan* span, out bool needsZero)
    {
        needsZero = false;
        if (!FitsArena(layout))
        {
            return TryTakeHuge(layout, zeroed, out span);
        }

        bool taken = TryTakePages(layout, out PageRun run);
        span = taken ? (GuardedSpan*)ArenaHeader.SpanAt(run.Address) : null;
        if (taken)
        {
            needsZero = run.NeedsZero;
            *span = default;
            span->Span.Base = run.Address;
            span->Span.Pages = run.Pages;
        }

        return taken;
    }

    private bool TryTakePages(in GuardLayout layout, out PageRun run)
    {
        int count = (int)layout.Pages;
        while (!arenas.TryAllocate(count, (int)layout.Alignment, 0, out run))
        {
            if (!(arenas.IsWithinLimit(count) && arenas.TryGrow()) && !TryRetireOldest())
            {
                return false;
            }
        }

        return true;
    }

    private static void Complete(GuardedSpan* span, in GuardLayout layout, nuint byteCount)
    {
        span->Span.Slots = 1;
        span->Span.SlotSize = layout.DataBytes;
        span->IsGuardFirst = layout.IsGuardFirst;
        span->Record.Address = span->Span.Base + (nint)layout.BlockOffset;
        span->Record.ByteCount = byteCount;
        span->Record.SpanBase = span->Span.Base;
    }

    // A span that nobody finds, all of whose pages are accessible.
    private void GiveBack(GuardedSpan* span)
    {
        if (span->IsHuge)
        {
            GiveBackHuge((HugeGuard*)span);
        }
        else
        {
            pages.Free(span->Span.Base, span->Span.Pages);
        }
    }

    private static void Fill(GuardedSpan* span, bool zeroed, bool needsZero)
    {
        ref GuardRecord record = ref span->Record;
        if (zeroed && needsZero)
        {
            NativeMemory.Clear((void*)record.Address, record.ByteCount);
        }
        else if (!zeroed && record.ByteCount <= LargestFilled)
        {
            NativeMemory.Fill((void*)record.Address, record.ByteCount, SlackPattern.Unwritten);
        }

        GuardSlack slack = GuardSlack.Of(span);
        SlackPattern.Fill(slack.Before, record.Address);
        SlackPattern.Fill(slack.Behind, slack.End);
    }

    private void Degrade(string why)
    {
        Interlocked.Increment(ref _degraded);
        if (Interlocked.Exchange(ref _warned, 1) == 0)
        {
            ErrorStream.WriteLine($"SpanHeap: a block could not be guarded, because {why}. Such blocks are checked without (this is said once; statistics count them).");
        }
    }
}
