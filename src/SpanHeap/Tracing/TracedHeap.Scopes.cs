using System.Diagnostics;
using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Spans;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>Scopes: entering, yielding, and what full checks ask of them.</summary>
internal sealed unsafe partial class TracedHeap
{
    private static readonly TimeSpan s_longestDying = TimeSpan.FromSeconds(1);

    /// <summary>Begins a scope of the calling thread.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory for the thread's records.</exception>
    public TracedCache* Enter()
    {
        ThreadCache* own = _core.FindOwnCache();
        TracedCache* cache = own != ThreadCache.None ? TracedCaches.Of(own) : null;
        cache = cache != null ? cache : Attach();
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

    /// <summary>Lets a collection pass: the calling thread's scope ends and begins again, as the same scope.</summary>
    /// <exception cref="InvalidOperationException">It is not the thread's only scope; nothing has changed.</exception>
    public void Yield(TracedCache* cache, ulong number)
    {
        if (cache->Depth != 1)
        {
            throw new InvalidOperationException(cache->Depth == 0
                ? "The scope has ended."
                : $"The thread has {cache->Depth} scopes of the heap '{Name}' open. Only the outermost can yield, and only while it is alone: the others' references must stay good.");
        }

        Gate.Exit(cache, 1);
        try
        {
            long begun = CheckedYields.Begin();
            EnterOutermost(cache);
            CheckedYields.End(begun);

            // Handlers that were called meanwhile may have had scopes of their own.
            cache->Scopes.Outermost = number;
        }
        catch
        {
            cache->Scopes.Outermost = cache->FailedScope = number;
            throw;
        }
    }

    /// <summary>Whether a scope ended because its Yield failed, on the calling thread.</summary>
    public bool IsOverByYield(TracedCache* cache, ulong number)
    {
        ThreadCache* own = _core.FindOwnCache();
        return own != ThreadCache.None && TracedCaches.Of(own) == cache && cache->FailedScope == number;
    }

    /// <summary>With full checks: a scope must be open, and of the calling thread.</summary>
    public void RequireOpen(TracedCache* cache, ulong number, int depth)
    {
        ThreadCache* own = _core.FindOwnCache();
        if (own == ThreadCache.None || TracedCaches.Of(own) != cache || cache->Depth < depth || cache->Scopes.At(depth) != number)
        {
            throw new InvalidOperationException("The scope has ended, or is another thread's.");
        }
    }

    /// <summary>With full checks: what is stored must be nothing, or a block of this heap.</summary>
    public void RequireBlock(nint address)
    {
        if (address != 0 && !IsBlock(address))
        {
            throw new HeapCorruptionException($"0x{address:x} is stored as a reference and is no traced block of the heap '{Name}'.", address, null);
        }
    }

    /// <summary>What is used with a scope of this heap must not lie in another heap; what lies in none is let be.</summary>
    /// <param name="address">Where it is.</param>
    /// <param name="what">What messages call it.</param>
    /// <exception cref="InvalidOperationException">It lies in another heap with traced memory.</exception>
    public void RequireOwn(nint address, string what)
    {
        if (!ArenaMap.IsInArenaOf(Serial, address) && HeapNames.Find(address) is { } other)
        {
            ThrowHelper.OtherHeap(what, other, Name);
        }
    }

    /// <summary>With full checks: the calling thread must be in a scope, and what it uses there a block of this heap.</summary>
    public void RequireUsable(nint address)
    {
        ThreadCache* own = _core.FindOwnCache();
        TracedCache* cache = own != ThreadCache.None ? TracedCaches.Of(own) : null;
        if (cache == null || cache->Depth == 0)
        {
            throw new InvalidOperationException(
                $"The calling thread is in no scope of the heap '{Name}', which 0x{address:x} is a block of: use blocks between Enter() and the end of the scope.");
        }

        if (!IsBlock(address))
        {
            throw new HeapCorruptionException(
                $"0x{address:x} is used as a traced block of the heap '{Name}' and is none, or has died: keep what must live beyond its scope in a handle, a root array or a block.",
                address,
                null);
        }
    }

    /// <summary>The calling thread must be in no scope.</summary>
    public void RequireOutside()
    {
        ThreadCache* own = _core.FindOwnCache();
        TracedCache* cache = own != ThreadCache.None ? TracedCaches.Of(own) : null;
        if (cache != null && cache->Depth != 0)
        {
            throw new InvalidOperationException("The calling thread is in a scope: its references would end. Collect outside, or let a collection pass by Yield().");
        }

        RequireMayWait();
    }

    /// <summary>The heap can be disposed: no thread may be in a scope or marking, and it is no clean-up that asks.</summary>
    public void RequireUnused()
    {
        RequireMayWait();
        RequireNoSession();
        if (CleanUpQueue.IsRunningHere)
        {
            throw new InvalidOperationException($"The heap '{Name}' cannot be disposed by one of its clean-ups. Nothing has changed.");
        }

        // What a thread stored last must be seen; and one that ended in a scope just now is known to be dead only a little later.
        Interlocked.MemoryBarrierProcessWide();
        long start = Stopwatch.GetTimestamp();
        TracedCache* open;
        while ((open = Caches.FindInScope()) != null)
        {
            if (Stopwatch.GetElapsedTime(start) > s_longestDying)
            {
                throw new InvalidOperationException(ScopeWatchdog.DescribeOpen(this, open));
            }

            Uninterrupted.Sleep(1);
        }
    }

    /// <summary>No <see cref="MarkSession"/> may be open.</summary>
    public void RequireNoSession()
    {
        if (Collector.HasSession)
        {
            throw new InvalidOperationException($"The heap '{Name}' is being marked: its {nameof(MarkSession)} must be completed or disposed before. Nothing has changed.");
        }
    }

    private bool IsBlock(nint address) => TracedLookup.IsBlock(address, Serial, SweepGeneration.AllocPlane(Sweeper.Generation));

    // Whatever throws here does so before anything has changed.
    private void EnterInner(TracedCache* cache)
    {
        if (Pacer.IsDue)
        {
            Collector.ReportOwnScope(cache);
        }

        int depth = cache->Depth + 1;
        if (!cache->Scopes.TryMakeRoom(depth, _core.Metadata))
        {
            ThrowHelper.OutOfMemory(Name, (nuint)depth * sizeof(ulong), _core.Options.MemoryLimit);
        }

        cache->Scopes.Set(depth, ++cache->LastScope);
        cache->Depth = depth;
    }

    private void EnterOutermost(TracedCache* cache)
    {
        if (Gate.IsClosed || Pacer.IsDue)
        {
            RequireMayWait();
        }

        if (Pacer.IsDue)
        {
            Collector.TryCollectDue();
        }

        Gate.Enter(cache);
        try
        {
            if (cache->Generation != Sweeper.Generation || !cache->WasUsed)
            {
                Renew(cache);
            }

            EntryStacks.Note(cache);
        }
        catch
        {
            // No scope will be there to end.
            Gate.Exit(cache, 1);
            throw;
        }

        InterleavingPoints.At(InterleavingPoint.ScopeEntered);
    }

    // The collection would wait for the thread, and the thread for the collection.
    private void RequireMayWait()
    {
        if (CustomTracing.IsRunning)
        {
            throw new InvalidOperationException($"A trace function can neither enter a scope of the heap '{Name}' nor collect it: collections call it, and would wait for it.");
        }

        if (Collector.HasOwnSession)
        {
            throw new InvalidOperationException(
                $"The calling thread is marking the heap '{Name}': it can neither enter a scope there nor collect before it has completed or disposed its {nameof(MarkSession)}.");
        }
    }

    private void Renew(TracedCache* cache)
    {
        if (!cache->WasUsed)
        {
            cache->Generation = Sweeper.Generation;
            cache->WasUsed = true;
            return;
        }

        Flush(cache);
    }

    private TracedCache* Attach()
    {
        ThreadCache* own = _core.Attach();
        TracedCache* cache = Caches.TryAttach(own);
        if (cache == null)
        {
            ThrowHelper.OutOfMemory(Name, TracedCache.Size, _core.Options.MemoryLimit);
        }

        return cache;
    }
}
