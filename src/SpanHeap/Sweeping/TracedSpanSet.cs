using System.Runtime.InteropServices;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Sweeping;

/// <summary>
/// The spans of one kind that no cache and no sweeper has: swept or not, with free slots or without. The lists of swept spans become
/// those of unswept ones when the generation changes, without a step.
/// </summary>
/// <remarks>
/// In native memory; zero is empty. All by its lock. A sweeper that finds a span otherwise than in a list wins it first and takes it
/// out of its list afterwards, so a list may have a span that is somebody's: who takes one from a list of unswept spans must win it,
/// and drops it otherwise.
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
        TracedSpan* head = (TracedSpan*)_heads[list];
        span->Span.Previous = null;
        span->Span.Next = (Span*)head;
        span->Span.Listed = true;
        if (head != null)
        {
            head->Span.Previous = (Span*)span;
        }

        // Where it stands, so that it can be taken out without asking how old it is.
        span->List = list;
        _heads[list] = (long)span;
        _lock.Exit();
    }

    /// <summary>Takes a swept span with free slots; null when there is none.</summary>
    public TracedSpan* TakeSwept(uint generation) => Take(ListOf(generation, full: false));

    /// <summary>Takes a span out of the lists of those not swept, first those with free slots; it still has to be won.</summary>
    public TracedSpan* TakeUnswept(uint generation, bool full) => Take(ListOf(SweepGeneration.Unswept(generation), full));

    /// <summary>Takes a span that the caller has won out of the list that it may be in.</summary>
    public void Remove(TracedSpan* span)
    {
        _lock.Enter();
        if (span->Span.Listed)
        {
            Unlink(span, span->List);
        }

        _lock.Exit();
    }

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
        if (span != null)
        {
            Unlink(span, list);
        }

        _lock.Exit();
        return span;
    }

    private void Unlink(TracedSpan* span, int list)
    {
        Span* next = span->Span.Next;
        Span* previous = span->Span.Previous;
        if (previous == null)
        {
            _heads[list] = (long)next;
        }
        else
        {
            previous->Next = next;
        }

        if (next != null)
        {
            next->Previous = previous;
        }

        span->Span.Next = span->Span.Previous = null;
        span->Span.Listed = false;
    }
}
