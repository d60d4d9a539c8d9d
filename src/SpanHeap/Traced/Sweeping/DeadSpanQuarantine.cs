using SpanHeap.Os;
using SpanHeap.Spans;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Sweeping;

/// <summary>
/// In heaps with full checks, keeps spans in which a sweep has found dead blocks out of use for a while. No free slot of them is reused, so a
/// reference kept too long refers to no block all that time, and a write through it is detected when the span leaves. When their free slots exceed
/// the budget, spans leave in the order in which they were swept, except for a random share.
/// </summary>
/// <remarks>
/// <para>
/// Thread safe by its lock, under which spans are only linked. Like a span in a set, a span here has no other owner. So it comes in the same way,
/// after the last write to anything of it, and no slot of it can be taken before it leaves.
/// </para>
/// <para>
/// A span with live blocks takes part in the cycles. It is in the queue of the bitmap that it was swept in, which becomes the queue of spans to
/// sweep when the generation grows; and it is swept before all others, so that the order stays. A span without live blocks has no bits in either
/// bitmap, and no cycle deals with it. So its pages can go at any time, except while a thread walks all spans (<see cref="Freeze"/>).
/// </para>
/// </remarks>
internal sealed unsafe class DeadSpanQuarantine(
    TracedSpanSource spans, SweepStatistics statistics, nuint budgetBytes, ulong seed, Action<nint> writtenTo) : IKeptSpans
{
    // A span whose free slots take more than this fraction of the budget would evict too many others.
    private const int LargestShare = 16;

    // One in this many spans that are due goes to the end instead, and the next one leaves in its place.
    private const int SwapRate = 4;

    // A heap with a limit quarantines at most an eighth of it, as for freed blocks.
    private const int ShareOfLimit = 8;

    // The queues of spans with live blocks are numbered by their bitmap.
    private const uint Dead = 2;
    private const uint Queues = 3;

    private readonly KeptSpanQueue[] _queues = new KeptSpanQueue[Queues];
    private NativeLock _lock;

    // Guarded by the lock; any thread may read the bytes and the number.
    private long _bytes;
    private long _lastNumber;
    private int _frozen;

    // The number of threads that give back pages outside of a scope. Incremented under the lock, decremented without it.
    private int _releasing;

    // Used only by a maintenance round.
    private long _numberAtLastRound;

    /// <summary>The most bytes that a heap with given options quarantines; 0 for none.</summary>
    public static nuint BudgetOf(NativeHeapOptions options, long softLimitBytes)
    {
        nuint limit = options.MemoryLimit != 0 ? options.MemoryLimit : nuint.MaxValue;
        limit = Math.Min(limit, (nuint)softLimitBytes);
        return options.Checks == HeapChecks.Full ? Math.Min(options.QuarantineBytes, limit / ShareOfLimit) : 0;
    }

    /// <summary>The bytes of free slots in quarantine.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    public bool Any => _queues[Dead].First != null;

    public long Newest => Volatile.Read(ref _lastNumber);

    /// <summary>Quarantines a swept span that has no owner: the caller has made its last write to it.</summary>
    /// <returns>False if its free slots are too large for the budget; the caller still owns it.</returns>
    public bool TryKeep(TracedSpan* span, uint generation)
    {
        long bytes = BytesOf(span);
        if ((nuint)bytes > budgetBytes / LargestShare)
        {
            span->KeptNumber = 0;
            return false;
        }

        _lock.Enter();
        Invariant.Assert(!span->Span.Listed, "A span has one owner: what is kept back is in no set.");
        span->KeptNumber = ++_lastNumber;
        _queues[span->Allocated == 0 ? Dead : SweepGeneration.AllocBitmap(generation)].Add(span);
        _bytes += bytes;
        _lock.Exit();
        InterleavingPoints.At(InterleavingPoint.SpanKeptBack);
        return true;
    }

    /// <summary>
    /// Takes a span for which the budget has no more room, and which then belongs to the caller; null for none. If it has live blocks and entered
    /// before the cycle began, it still has to be swept. The caller counts as sweeping, or sweeps for a cache that does.
    /// </summary>
    public TracedSpan* TakeOverdue()
    {
        if ((nuint)Bytes <= budgetBytes)
        {
            return null;
        }

        _lock.Enter();
        uint queue = Oldest();
        if ((nuint)_bytes <= budgetBytes || queue == Queues)
        {
            _lock.Exit();
            return null;
        }

        if (StaysLonger(_lastNumber))
        {
            TracedSpan* staying = _queues[queue].Take();
            staying->KeptNumber = ++_lastNumber;
            _queues[queue].Add(staying);
            queue = Oldest();
        }

        TracedSpan* leaving = TakeForGood(queue);
        _lock.Exit();
        return leaving;
    }

    /// <summary>Takes the next swept span, for a thread in a scope that needs its slots or pages; null for none.</summary>
    public TracedSpan* TakeSwept(uint generation)
    {
        uint bitmap = SweepGeneration.AllocBitmap(generation);
        _lock.Enter();
        TracedSpan* leaving = _queues[Dead].First != null ? TakeForGood(Dead) : _queues[bitmap].First != null ? TakeForGood(bitmap) : null;
        _lock.Exit();
        return leaving;
    }

    /// <summary>
    /// Takes a span to be swept in this cycle; null for none. The caller still has to win it, and quarantines it again after sweeping.
    /// </summary>
    public TracedSpan* TakeUnswept(uint generation)
    {
        uint bitmap = SweepGeneration.MarkBitmap(generation);
        _lock.Enter();
        TracedSpan* span = _queues[bitmap].First != null ? Take(bitmap) : null;
        _lock.Exit();
        return span;
    }

    /// <summary>The first span with live blocks, linked to the others. No thread is in a scope, and everything is swept.</summary>
    public TracedSpan* FirstWithLive(uint generation) => _queues[SweepGeneration.AllocBitmap(generation)].First;

    public bool IsIdle()
    {
        _lock.Enter();
        bool idle = _lastNumber == _numberAtLastRound;
        _numberAtLastRound = _lastNumber;
        _lock.Exit();
        return idle;
    }

    public bool ReleaseOldest(long newest)
    {
        _lock.Enter();
        TracedSpan* oldest = _queues[Dead].First;
        TracedSpan* span = _frozen == 0 && oldest != null && oldest->KeptNumber <= newest ? TakeForGood(Dead) : null;
        _releasing += span != null ? 1 : 0;
        _lock.Exit();
        if (span == null)
        {
            return false;
        }

        Check(span);
        Invariant.Assert(span->Allocated == 0, "Nothing lives in a span that goes.");
        spans.Release(span);
        statistics.NoteReleased();
        Interlocked.Decrement(ref _releasing);
        return true;
    }

    /// <summary>From now on, only threads that are in a scope or sweep may give back pages: the caller walks all spans.</summary>
    public void Freeze()
    {
        _lock.Enter();
        _frozen++;
        _lock.Exit();
        while (Volatile.Read(ref _releasing) != 0)
        {
            InterleavingPoints.Await(InterleavingPoint.SweepersAwaited, () => Volatile.Read(ref _releasing) == 0);
            Thread.Yield();
        }
    }

    /// <summary>Ends a <see cref="Freeze"/>.</summary>
    public void Thaw()
    {
        _lock.Enter();
        Invariant.Assert(_frozen > 0, "What thaws was frozen.");
        _frozen--;
        _lock.Exit();
    }

    /// <summary>Looks for writes in a span that leaves. It belongs to the caller and is swept.</summary>
    public void Check(TracedSpan* span) => DeadBlockPoison.Restore(span, writtenTo);

    /// <summary>Looks for writes in all spans here, because the heap is disposed. No thread uses it.</summary>
    public void CheckAll() => Visit(span => Check((TracedSpan*)span));

    /// <summary>Visits all spans, by the address of their record. No thread uses the heap.</summary>
    public void Visit(Action<nint> visit)
    {
        foreach (KeptSpanQueue queue in _queues)
        {
            for (TracedSpan* span = queue.First; span != null; span = KeptSpanQueue.Next(span))
            {
                visit((nint)span);
            }
        }
    }

    /// <summary>The bytes that a span in quarantine counts: no slot that is free now is reused before it leaves.</summary>
    public static long BytesOf(TracedSpan* span) => (span->Span.Slots - span->Allocated) * (long)span->Span.SlotSize;

    // The queue with the oldest span; the number of queues if all are empty.
    private uint Oldest()
    {
        _lock.AssertHeld();
        uint oldest = Queues;
        for (uint queue = 0; queue < Queues; queue++)
        {
            if (_queues[queue].First != null && (oldest == Queues || _queues[queue].First->KeptNumber < _queues[oldest].First->KeptNumber))
            {
                oldest = queue;
            }
        }

        return oldest;
    }

    private TracedSpan* TakeForGood(uint queue)
    {
        _lock.AssertHeld();
        TracedSpan* span = Take(queue);
        span->KeptNumber = 0;
        return span;
    }

    private TracedSpan* Take(uint queue)
    {
        _lock.AssertHeld();
        TracedSpan* span = _queues[queue].Take();
        _bytes -= BytesOf(span);
        Invariant.Assert(_bytes >= 0, "No more leaves than came.");
        return span;
    }

    private bool StaysLonger(long number) => RandomBits.Mix(seed + (ulong)number) % SwapRate == 0;
}
