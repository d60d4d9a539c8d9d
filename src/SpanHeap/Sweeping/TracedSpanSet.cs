using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Sweeping;

/// <summary>
/// The spans of one kind that no cache and no sweeper has: swept or not, with free slots or without. The lists of swept spans become
/// those of unswept ones when the generation changes, without a step.
/// </summary>
/// <remarks>
/// In native memory; zero is empty. All by its lock. Who takes a span from a list of unswept ones must win it still, and drops it
/// otherwise.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal unsafe struct TracedSpanSet
{
    /// <summary>How many lists there are.</summary>
    public const int Lists = 4;

    private NativeLock _lock;

    // [plane of the generation they were swept in * 2 + 1 for those without a free slot].
    private fixed long _heads[Lists];

    /// <summary>Adds a span that is swept and is nobody's: the one place of publication.</summary>
    public void AddSwept(TracedSpan* span, uint generation)
    {
        int list = ListOf(generation, full: span->Allocated == span->Span.Slots);
        _lock.Enter();
        span->Span.Next = (Span*)_heads[list];
        span->Span.Listed = true;
        _heads[list] = (long)span;
        _lock.Exit();
    }

    /// <summary>Takes a swept span with free slots; null when there is none.</summary>
    public TracedSpan* TakeSwept(uint generation) => Take(ListOf(generation, full: false));

    /// <summary>Takes a span out of the lists of those not swept, first those with free slots; it still has to be won.</summary>
    public TracedSpan* TakeUnswept(uint generation, bool full) => Take(ListOf(SweepGeneration.Unswept(generation), full));

    /// <summary>A list's first span, for who looks at a heap that nobody uses; null when it is empty.</summary>
    public readonly TracedSpan* First(int list) => (TracedSpan*)_heads[list];

    /// <summary>The list of spans swept in a generation.</summary>
    public static int ListOf(uint generation, bool full) => (int)(SweepGeneration.AllocPlane(generation) * 2) + (full ? 1 : 0);

    private TracedSpan* Take(int list)
    {
        // A glance without the lock: a span that is missed is found the next time, and the end of a cycle looks with all threads out.
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

    // A sweep is short beside the memory that it waits for: the next one's comes while this one is done. Whoever has the span meanwhile,
    // to ask for its lines is no access.
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
