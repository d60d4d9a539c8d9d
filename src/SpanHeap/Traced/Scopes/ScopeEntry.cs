using System.Diagnostics;
using SpanHeap.Contract;
using SpanHeap.Os;
using SpanHeap.Traced.Collecting;
using SpanHeap.Traced.Contract;
using SpanHeap.Traced.Gating;
using SpanHeap.Traced.Marking;
using SpanHeap.Traced.Pacing;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Scopes;

/// <summary>Enters scopes and yields, and refuses what a thread must not do in a scope.</summary>
/// <remarks>Thread safe. Entering never waits for a collection longer than the gate's patience.</remarks>
internal sealed unsafe class ScopeEntry(
    HeapIdentity heap, TracedCaches caches, Gate gate, CollectionTurn turn, Collector collector, Pacer pacer, Sweeper sweeper, TracedRefill refill, Nursery nursery, TracedAllocator allocator, MetadataAllocator metadata, EntryStacks entryStacks, CheckedYields checkedYields)
{
    /// <summary>Begins a scope of the calling thread.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory for the thread's records.</exception>
    public TracedCache* Enter()
    {
        TracedCache* cache = caches.FindOwn();
        cache = cache != null ? cache : caches.AttachOwn();
        if (cache->Depth == 0)
        {
            EnterOutermost(cache);
            cache->Scopes.Outermost = ++cache->LastScope;
        }
        else
        {
            EnterInner(cache);
        }

        return cache;
    }

    /// <summary>Lets a collection happen: the calling thread's scope ends and begins again, as the same scope.</summary>
    /// <exception cref="InvalidOperationException">The thread has other scopes open; nothing has changed.</exception>
    public void Yield(TracedCache* cache, ulong number)
    {
        if (cache->Depth != 1)
        {
            throw new InvalidOperationException(cache->Depth == 0
                ? "The scope has ended."
                : $"The thread has {cache->Depth} scopes of the heap '{heap.Name}' open. Only a single scope can yield, because the others' references must stay valid.");
        }

        if (cache->Nursery.IsUsed)
        {
            LeaveNursery(cache);
        }

        Gate.Exit(cache, 1);
        try
        {
            long begun = checkedYields.Begin();
            EnterOutermost(cache);
            checkedYields.End(begun);

            // Event handlers called meanwhile may have had scopes of their own.
            cache->Scopes.Outermost = number;
        }
        catch
        {
            cache->Scopes.Outermost = cache->FailedScope = number;
            throw;
        }
    }

    /// <summary>Frees what has not escaped from the calling thread's outermost scope, which is about to end. After an exception, it has ended.</summary>
    public void LeaveNursery(TracedCache* cache)
    {
        try
        {
            nursery.EndScope(cache);
            allocator.ReportMany(cache);
        }
        catch
        {
            Gate.Exit(cache, 1);
            throw;
        }
    }

    /// <summary>Requires that the calling thread is in no scope and may wait for a collection.</summary>
    /// <exception cref="InvalidOperationException">It is in one, in a trace function, or marking the heap.</exception>
    public void RequireOutside()
    {
        TracedCache* cache = caches.FindOwn();
        if (cache != null && cache->Depth != 0)
        {
            throw new InvalidOperationException("The calling thread is in a scope, whose references would become invalid. Collect outside of scopes, or call Yield().");
        }

        RequireMayWait();
    }

    /// <summary>Requires that the calling thread may wait for a collection: no collection waits for it.</summary>
    /// <exception cref="InvalidOperationException">It is in a trace function, or marking the heap.</exception>
    public void RequireMayWait()
    {
        if (CustomTracing.IsRunning)
        {
            throw new InvalidOperationException($"A trace function can neither enter a scope of the heap '{heap.Name}' nor collect it: a collection that calls it would wait for itself.");
        }

        if (turn.HasOwnSession)
        {
            throw new InvalidOperationException(
                $"The calling thread is marking the heap '{heap.Name}': it can neither enter a scope there nor collect before it has completed or disposed its MarkSession.");
        }
    }

    // Anything that throws here does so before anything has changed.
    private void EnterInner(TracedCache* cache)
    {
        if (pacer.IsDue)
        {
            collector.ReportOwnScope(cache);
        }

        int depth = cache->Depth + 1;
        if (!cache->Scopes.TryMakeRoom(depth, metadata))
        {
            ThrowHelper.OutOfMemory(heap.Name, (nuint)depth * sizeof(ulong), heap.MemoryLimit);
        }

        cache->Scopes.Set(depth, ++cache->LastScope);
        cache->Depth = depth;
    }

    private void EnterOutermost(TracedCache* cache)
    {
        if (gate.IsClosed || pacer.IsDue)
        {
            RequireMayWait();
        }

        if (pacer.IsDue)
        {
            collector.TryCollectDue();
        }

        gate.Enter(cache);
        try
        {
            if (cache->Generation != sweeper.Generation || !cache->WasUsed || nursery.MayBegin(cache))
            {
                Renew(cache);
            }

            entryStacks.Note(cache);
        }
        catch
        {
            // There will be no scope to end.
            Gate.Exit(cache, 1);
            throw;
        }

        InterleavingPoints.At(InterleavingPoint.ScopeEntered);
    }

    private void Renew(TracedCache* cache)
    {
        if (!cache->WasUsed)
        {
            cache->Generation = sweeper.Generation;
            cache->WasUsed = true;
        }
        else
        {
            refill.Flush(cache, sweeper.Generation);
        }

        nursery.Begin(cache);
    }
}
