using SpanHeap.Os;

namespace SpanHeap.Traced.Marking;

/// <summary>
/// Work that markers share: chunks that one can spare and another takes. Marking is done when all markers wait here and there is no work.
/// </summary>
/// <remarks>Thread safe by its lock.</remarks>
internal sealed unsafe class MarkQueue(OsMemory os, MetadataAllocator metadata) : IDisposable
{
    // About 50 µs: longer than it takes to find work to share, if there is any.
    private const int SpinsBeforeSleep = 64;

    private NativeLock _lock;
    private MarkChunk* _full;
    private int _fullCount;
    private int _markers;
    private int _waiting;
    private bool _abandoned;

    // Set by any thread that assists and has found no work, cleared by the next that gives some.
    private bool _isAsked;

    // How many of the waiting markers sleep or are about to; and what wakes one.
    private int _sleeping;
    private readonly SemaphoreSlim _wake = new(0);

    /// <summary>The chunks that hold the work.</summary>
    public MarkChunks Chunks { get; } = new(os, metadata);

    /// <summary>Whether a marker waits for work, or a thread that assists has found none: a marker that has some to spare should give it.</summary>
    public bool IsWanted => (Volatile.Read(ref _waiting) > 0 || Volatile.Read(ref _isAsked)) && Volatile.Read(ref _fullCount) == 0;

    /// <summary>Whether there is work that a thread can take that assists; if not, markers are asked to give some.</summary>
    public bool HasWork
    {
        get
        {
            bool has = Volatile.Read(ref _fullCount) > 0;
            if (!has && !Volatile.Read(ref _isAsked))
            {
                Volatile.Write(ref _isAsked, true);
            }

            return has;
        }
    }

    /// <summary>Notes how many markers begin.</summary>
    public void Begin(int markers)
    {
        _waiting = 0;
        Volatile.Write(ref _abandoned, false);
        Volatile.Write(ref _markers, markers);
    }

    /// <summary>Gives work to the first marker that takes it.</summary>
    public void Give(MarkChunk* chunk)
    {
        _lock.Enter();
        chunk->Next = _full;
        _full = chunk;
        _fullCount++;
        _isAsked = false;
        bool wakes = _sleeping > 0;
        _sleeping -= wakes ? 1 : 0;
        _lock.Exit();
        if (wakes)
        {
            Uninterrupted.Release(_wake, 1);
        }

        InterleavingPoints.At(InterleavingPoint.MarkWorkGiven);
    }

    /// <summary>Takes work, and waits for it as long as another marker may still give some; null when marking is done.</summary>
    public MarkChunk* Take()
    {
        bool waits = false;
        for (int attempt = 1; ; attempt++)
        {
            _lock.Enter();
            MarkChunk* chunk = _abandoned ? null : _full;
            if (chunk != null)
            {
                _full = chunk->Next;
                _fullCount--;
                _waiting -= waits ? 1 : 0;
                _lock.Exit();
                chunk->Next = null;
                InterleavingPoints.At(InterleavingPoint.MarkWorkTaken);
                return chunk;
            }

            _waiting += waits ? 0 : 1;
            waits = true;
            bool done = _waiting == _markers || _abandoned;
            bool sleeps = !done && attempt % SpinsBeforeSleep == 0;
            InterleavingPoints.StayAwake(ref sleeps);
            _sleeping += sleeps ? 1 : 0;
            _lock.Exit();
            if (done)
            {
                WakeAll();
                return null;
            }

            InterleavingPoints.Spin(InterleavingPoint.MarkWorkAwaited);
            if (sleeps)
            {
                Uninterrupted.Wait(_wake);
            }
            else
            {
                Thread.SpinWait(20);
                Thread.Yield();
            }
        }
    }

    /// <summary>
    /// Takes work for a thread that assists, if there is any. Markers do not wait for such a thread: what it has when they find nothing left is not marked yet.
    /// </summary>
    public MarkChunk* TryTake()
    {
        if (!HasWork)
        {
            return null;
        }

        _lock.Enter();
        MarkChunk* chunk = _full;
        if (chunk != null)
        {
            _full = chunk->Next;
            _fullCount--;
        }

        _lock.Exit();
        if (chunk != null)
        {
            chunk->Next = null;
            InterleavingPoints.At(InterleavingPoint.MarkWorkTaken);
        }

        return chunk;
    }

    /// <summary>Gives up marking: no marker finds work here any more, and none waits for it.</summary>
    public void Abandon()
    {
        _lock.Enter();
        _abandoned = true;
        _lock.Exit();
        WakeAll();
    }

    /// <summary>Discards what was left. All markers have ended.</summary>
    public void Clear()
    {
        while (_full != null)
        {
            MarkChunk* chunk = _full;
            _full = chunk->Next;
            Chunks.Give(chunk);
        }

        _fullCount = 0;
    }

    public void Dispose()
    {
        _full = null;
        Chunks.Dispose();
        _wake.Dispose();
    }

    // Wakes exactly those that sleep: a surplus wake-up would be left for the next one that sleeps.
    private void WakeAll()
    {
        _lock.Enter();
        int sleeping = _sleeping;
        _sleeping = 0;
        _lock.Exit();
        if (sleeping > 0)
        {
            Uninterrupted.Release(_wake, sleeping);
        }
    }
}
