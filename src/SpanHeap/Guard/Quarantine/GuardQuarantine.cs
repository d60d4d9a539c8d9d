using SpanHeap.Guard.Protection;
using SpanHeap.Guard.Records;
using SpanHeap.Guard.Sampling;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Guard.Quarantine;

/// <summary>
/// Keeps freed guarded spans, whose pages fault, until they retire: the oldest first, when the quarantine is over its budget or others lack
/// what it has. Makes room in this way for blocks that are to be guarded.
/// </summary>
/// <remarks>
/// Thread safe, and called without a lock; its queues are changed under the lock of <see cref="GuardRecords"/>.
/// <para>The laws: a block's pages fault before its span is in quarantine, so that a thread that retires a span finds it protected. A span that
/// retires is unlinked from every table before its pages are accessible, and its pages are accessible before the page heap has them: no
/// thread that finds a record can come to pages of another owner, and no owner of pages finds them protected. (The model
/// <c>guard-quarantine.pml</c> shows what breaks if the order is different.)</para>
/// </remarks>
internal sealed unsafe partial class GuardQuarantine(
    GuardRecords records, SpanProtection protection, GuardedSpanSource source, HeapLimit limit, SampleBudget? sample, GuardRefusals refusals, nuint budgetBytes)
{
    // Changed under the lock. Huge spans, and large ones of a sample, have a queue of their own: a few of them would push out all others.
    private QuarantineQueue _queue;
    private QuarantineQueue _hugeQueue;

    // Written under the lock; read without it for statistics.
    private long _retired;

    /// <summary>The number of spans in quarantine.</summary>
    public long Spans => _queue.Spans + _hugeQueue.Spans;

    /// <summary>Their address space in bytes.</summary>
    public long Bytes => (_queue.Pages + _hugeQueue.Pages) << PageGeometry.PageShift;

    /// <summary>The number of spans that have retired.</summary>
    public long Retired => Volatile.Read(ref _retired);

    /// <summary>The address space of huge spans in quarantine, in pages.</summary>
    public long HugePages => _hugeQueue.Pages;

    /// <summary>Puts a span in quarantine: its block is freed, and the caller alone has it.</summary>
    public void Add(GuardedSpan* span)
    {
        LockOrder.AssertNoneHeld();
        Invariant.Assert(span->Record.State != GuardState.Live, "The block is freed.");
        // Protecting a span that retires at once would cost much and catch nothing: its addresses then belong to the system, and fault as well.
        bool fits = !span->IsHuge || IsWithinBudget(GuardedSpan.AddressPages(span));
        bool exposed = fits && span->DataBytes > 0 && !protection.TryProtectData(span);
        if (exposed)
        {
            refusals.NoteUnguarded(GuardRefusals.Unprotected);
        }

        if (!fits || (exposed && span->IsHuge))
        {
            RetireAtOnce(span);
            return;
        }

        if (exposed)
        {
            // A write to the block is found when it retires.
            SpanProtection.Poison(span);
        }

        InterleavingPoints.At(InterleavingPoint.FreedBlockProtected);
        records.Lock.Enter();
        QueueOf(span).Add(span);
        records.Lock.Exit();
        RetireOverBudget();

        // A huge block of a sample that alone exceeds the budget stays until the next one comes.
        while (_hugeQueue.Spans > 1 && !IsWithinBudget(_hugeQueue.Pages) && TryRetireOldestHuge())
        {
        }
    }

    /// <summary>Reserves room in a sample for a live block, of which freed blocks have less from then on.</summary>
    /// <param name="cost">What <see cref="SampleBudget"/> says that the block takes.</param>
    /// <returns>False when the sample has no room. Always true where all blocks are guarded.</returns>
    public bool TryReserve(int cost)
    {
        if (sample == null)
        {
            return true;
        }

        if (!sample.TryTake(cost))
        {
            refusals.NoteSkipped();
            return false;
        }

        RetireOverBudget();
        return true;
    }

    /// <summary>Releases what <see cref="TryReserve"/> has reserved, for a block that could not be made.</summary>
    public void Release(int cost) => sample?.Give(cost);

    /// <summary>Retires spans until a limit has room for a guarded span of so many pages; false when it cannot have.</summary>
    public bool TryMakeRoom(int pageCount)
    {
        while (!limit.HasRoomForGuarded(pageCount))
        {
            if (!TryMakeWay(pageCount))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Retires the oldest span, if those in quarantine have so many pages, and live ones leave as many of what a limit allows.</summary>
    public bool TryMakeWay(int pageCount) =>
        _queue.Pages >= pageCount && limit.HasRoomForGuarded(pageCount - (int)_queue.Pages) && TryRetireOldest();

    /// <summary>
    /// Retires spans for a heap that cannot get so many bytes from the system, unless those in quarantine are too few to help: a request that
    /// no heap could serve takes nothing out.
    /// </summary>
    public void RetireFor(nuint byteCount)
    {
        long needed = (long)PageGeometry.PagesFor(byteCount);
        while (_hugeQueue.Pages >= needed && TryRetireOldestHuge())
        {
        }

        while (_queue.Pages >= needed && TryRetireOldest())
        {
        }
    }

    /// <summary>Retires the span that has been in quarantine longest; false when there is none, or the system does not release its pages.</summary>
    public bool TryRetireOldest() => TryRetireOldest(ref _queue);

    /// <summary>Does the same as <see cref="TryRetireOldest()"/> for huge spans.</summary>
    public bool TryRetireOldestHuge() => TryRetireOldest(ref _hugeQueue);

    private bool TryRetireOldest(ref QuarantineQueue queue)
    {
        records.Lock.Enter();
        GuardedSpan* span = queue.Take();
        if (span != null)
        {
            records.Unlink(span);
            _retired++;
        }

        records.Lock.Exit();
        InterleavingPoints.AtIf(span != null, InterleavingPoint.GuardUnlinked);
        return span != null && TryDelete(span);
    }

    private void RetireOverBudget()
    {
        while (IsOverBudget && TryRetireOldest())
        {
        }
    }

    private void RetireAtOnce(GuardedSpan* span)
    {
        records.Lock.Enter();
        records.Unlink(span);
        _retired++;
        records.Lock.Exit();
        TryDelete(span);
    }

    // No thread finds the span any more, but its pages still fault: the page heap must not have them before they are accessible.
    private bool TryDelete(GuardedSpan* span)
    {
        protection.CheckPoison(span);
        if (!protection.TryUnprotect(span))
        {
            PutBack(span);
            return false;
        }

        InterleavingPoints.At(InterleavingPoint.GuardUnprotected);
        source.Release(span);
        return true;
    }

    private void PutBack(GuardedSpan* span)
    {
        refusals.NoteDegraded();
        SpanProtection.RestorePoison(span);
        records.Lock.Enter();
        records.Link(span);
        _retired--;
        QueueOf(span).Add(span);
        records.Lock.Exit();
    }

    private ref QuarantineQueue QueueOf(GuardedSpan* span)
    {
        if (span->IsHuge || (sample != null && sample.IsLarge(span->Span.Pages)))
        {
            return ref _hugeQueue;
        }

        return ref _queue;
    }

    private bool IsOverBudget => (sample != null ? _queue.Pages > sample.QuarantinePages : !IsWithinBudget(_queue.Pages)) || protection.IsTooMuch(Spans);

    private bool IsWithinBudget(long pageCount) => (nuint)pageCount << PageGeometry.PageShift <= budgetBytes;
}
