using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Traced.Spans;

/// <summary>
/// The spans of one span class that no cache and no sweeper has: swept or not, with free slots or without. When the generation changes, the lists of
/// swept spans become those of unswept spans without any work.
/// </summary>
/// <remarks>
/// In native memory; a zeroed set is empty. Guarded by its lock. A thread that takes a span from a list of unswept spans must still win it, and
/// drops it otherwise.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal unsafe struct TracedSpanSet
{
    /// <summary>The number of lists.</summary>
    public const int Lists = 4;

    private NativeLock _lock;

    // The index is the bitmap of the generation in which they were swept, times 2, plus 1 for spans without a free slot.
    private fixed long _heads[Lists];

    /// <summary>Adds a swept span that has no owner: the one place of publication.</summary>
    public void AddSwept(TracedSpan* span, uint generation)
    {
        int list = ListOf(generation, full: span->Allocated == span->Span.Slots);
        _lock.Enter();
        Invariant.Assert(!span->Span.Listed, "A span has one owner: it is in one set at most.");
        span->Span.Next = (Span*)_heads[list];
        span->Span.Listed = true;
        _heads[list] = (long)span;
        _lock.Exit();
    }

    /// <summary>Takes a swept span with free slots; null if there is none.</summary>
    public TracedSpan* TakeSwept(uint generation) => Take(ListOf(generation, full: false));

    /// <summary>Takes an unswept span from a list; the caller still has to win it.</summary>
    public TracedSpan* TakeUnswept(uint generation, bool full) => Take(ListOf(SweepGeneration.Unswept(generation), full));

    /// <summary>A list's first span, for inspecting a heap that no thread uses; null if the list is empty.</summary>
    public readonly TracedSpan* First(int list) => (TracedSpan*)_heads[list];

    /// <summary>The list of spans swept in a generation.</summary>
    public static int ListOf(uint generation, bool full) => (int)(SweepGeneration.AllocBitmap(generation) * 2) + (full ? 1 : 0);

    private TracedSpan* Take(int list)
    {
        // This looks without the lock: a span that is missed is found the next time, and the end of a cycle looks while all threads are out.
        if (Volatile.Read(ref _heads[list]) == 0)
        {
            return null;
        }

        _lock.Enter();
        TracedSpan* span = (TracedSpan*)_heads[list];
        TracedSpan* next = null;
        if (span != null)
        {
            next = (TracedSpan*)span->Span.Next;
            _heads[list] = (long)next;
            span->Span.Next = null;
            span->Span.Listed = false;
        }

        _lock.Exit();
        if (next != null)
        {
            Prefetch(next);
        }

        return span;
    }

    // A sweep is short compared with the cache misses that it waits for, so the next span is fetched during this one. Prefetching is not an
    // access, whichever thread has the span meanwhile.
    private static void Prefetch(TracedSpan* span)
    {
        if (Sse.IsSupported)
        {
            nint firstPage = ArenaHeader.FirstPageOf((Span*)span);
            Sse.Prefetch0(span);
            Sse.Prefetch0(&span->SweepGen);
            Sse.Prefetch0(TracedBits.WordOf(firstPage, 0));
            Sse.Prefetch0(TracedBits.WordOf(firstPage, 1));
        }
    }
}
