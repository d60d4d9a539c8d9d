using System.Diagnostics;
using SpanHeap.Os;
using SpanHeap.Traced.CleanUps;
using SpanHeap.Traced.Collecting;
using SpanHeap.Traced.Contract;
using SpanHeap.Traced.Gating;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Scopes;

/// <summary>Checks what must hold before a heap is inspected as a whole, or disposed.</summary>
internal sealed unsafe class HeapEnd(HeapIdentity heap, ScopeEntry entry, CollectionTurn turn, TracedCaches caches, CleanUpQueue cleanUps, ScopeWatchdog watchdog)
{
    private static readonly TimeSpan s_longestDying = TimeSpan.FromSeconds(1);

    /// <summary>Requires that the heap can be disposed: no thread is in a scope or marking, and the caller is not one of its clean-ups.</summary>
    /// <exception cref="InvalidOperationException">It cannot; the message says why. Nothing has changed.</exception>
    public void RequireUnused()
    {
        entry.RequireMayWait();
        RequireNoSession();
        if (cleanUps.IsRunningHere)
        {
            throw new InvalidOperationException($"The heap '{heap.Name}' cannot be disposed by one of its clean-ups. Nothing has changed.");
        }

        // What a thread stored last must be visible; and a thread that has just ended in a scope is known to be dead only a little later.
        Interlocked.MemoryBarrierProcessWide();
        long start = Stopwatch.GetTimestamp();
        TracedCache* open;
        while ((open = caches.FindInScope()) != null)
        {
            if (Stopwatch.GetElapsedTime(start) > s_longestDying)
            {
                throw new InvalidOperationException(watchdog.DescribeOpen(open));
            }

            Uninterrupted.Sleep(1);
        }
    }

    /// <summary>Requires that no mark session is open.</summary>
    /// <exception cref="InvalidOperationException">One is.</exception>
    public void RequireNoSession()
    {
        if (turn.Session != 0)
        {
            throw new InvalidOperationException($"The heap '{heap.Name}' is being marked: its MarkSession must be completed or disposed first. Nothing has changed.");
        }
    }
}
