using SpanHeap.Guarding;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>Taking back what caches keep; called by <see cref="HeapMaintenance"/>.</summary>
internal sealed unsafe partial class HeapCore
{
    // The thread for which the heap stands still, by its managed number; 0 for none. Written by that thread; others see that it is not they.
    private int _quietThread;

    /// <summary>Called for misuse found late, on a thread of the pool.</summary>
    public Action<nint, MisuseKind>? OnMisuse { get; set; }

    /// <summary>Takes back all that can be without stopping other threads, and gives free pages to the system.</summary>
    public void Trim()
    {
        ThrowIfDisposed();
        _maintenance.Trim();
        NoteActivity();
    }

    /// <summary>Whether the heap stands still for the calling thread: it is within <see cref="WhileQuiet"/>.</summary>
    public bool IsQuietHere => Volatile.Read(ref _quietThread) == Environment.CurrentManagedThreadId;

    /// <summary>
    /// Does something that needs the heap to stand still, as far as the heap itself goes: its maintenance waits. Within itself it does so at
    /// once, as a trace function may look at the heap that is being verified.
    /// </summary>
    public T WhileQuiet<T>(Func<HeapCore, T> inspect)
    {
        ThrowIfDisposed();
        if (IsQuietHere)
        {
            return inspect(this);
        }

        _maintenance.Pause();
        Volatile.Write(ref _quietThread, Environment.CurrentManagedThreadId);
        try
        {
            return inspect(this);
        }
        finally
        {
            Volatile.Write(ref _quietThread, 0);
            _maintenance.Resume();
        }
    }

    /// <summary>Returns what lies on the calling thread's stacks.</summary>
    public void DrainOwnStacks()
    {
        ThreadCache* cache = FindOwnCache();
        if (cache != ThreadCache.None)
        {
            _drain.Drain(cache);
        }
    }

    /// <summary>Returns what lies in a cache's depots and releases its empty spans.</summary>
    /// <param name="cache">Any cache of the heap.</param>
    /// <param name="idleOnly">Only where nothing has happened for a whole round.</param>
    /// <returns>Whether something is still kept.</returns>
    public bool DrainShelves(ThreadCache* cache, bool idleOnly)
    {
        uint now = Clock.Now;
        bool kept = false;
        for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.LastShared; sizeClass++)
        {
            ClassShelf* shelf = ThreadCache.Shelf(cache, sizeClass);
            cache->Lock.Enter();
            bool any = shelf->DepotCount > 0 || shelf->EmptySpans > 0;
            bool drain = any && (!idleOnly || shelf->UsedAt + 1 < now);
            if (drain)
            {
                _stock.DrainDepot(cache, sizeClass);
            }

            cache->Lock.Exit();
            if (drain)
            {
                _blockReturn.ReleaseEmptySpans(cache, shelf);
            }

            kept |= any && !drain;
        }

        _remote.SendPending(cache);
        return kept;
    }

    /// <summary>Takes in what others have sent to a cache.</summary>
    public void DrainInbox(ThreadCache* cache) => _remote.DrainInbox(cache);

    /// <summary>Sends what a cache has gathered for others.</summary>
    /// <returns>Whether something is still kept.</returns>
    public bool FlushOutbox(ThreadCache* cache, bool idleOnly)
    {
        cache->Lock.Enter();
        bool used = cache->OutboxUsedAt != 0;
        bool flush = used && (!idleOnly || cache->OutboxUsedAt + 1 < Clock.Now);
        cache->OutboxUsedAt = flush ? 0 : cache->OutboxUsedAt;
        cache->Lock.Exit();
        if (flush)
        {
            _remote.Flush(cache);
        }

        return used && !flush;
    }

    /// <summary>Lets what was found late be told soon, if there is anything. Call without a lock.</summary>
    public void QueueMisuseReport()
    {
        if (!Misuse.HasPending || Interlocked.Exchange(ref _reporting, 1) != 0)
        {
            return;
        }

        try
        {
            // The call that came here has done its work: it is not the place to report an interrupt.
            Uninterrupted.Queue(static heap => heap.ReportMisuse(), this);
        }
        catch (OutOfMemoryException)
        {
            // The next slow path, or the next round, tries again.
            Volatile.Write(ref _reporting, 0);
        }
    }

    /// <summary>Tells what was found late; without a lock, on a thread of the pool.</summary>
    public void ReportMisuse()
    {
        Volatile.Write(ref _reporting, 0);
        if (!Misuse.HasPending)
        {
            return;
        }

        foreach ((nint address, MisuseKind kind) in Misuse.Take())
        {
            if (Options.LateMisuse == MisuseResponse.FailFast)
            {
                ProcessEnd.Announce();
                Environment.FailFast($"SpanHeap, heap '{Name}': {MisuseMessage.For(address, kind)}");
            }

            OnMisuse?.Invoke(address, kind);
        }
    }
}
