using SpanHeap.Os;

namespace SpanHeap.Tracing;

/// <summary>
/// Work that markers share: full chunks that one has to spare and another takes. Marking is done when all markers wait here and there
/// is none.
/// </summary>
/// <remarks>Thread safe by its lock.</remarks>
internal sealed unsafe class MarkQueue(OsMemory os, MetadataAllocator metadata) : IDisposable
{
    // About 50 µs: longer than it takes to find work to share, where there is some.
    private const int SpinsBeforeSleep = 64;

    private NativeLock _lock;
    private MarkChunk* _full;
    private int _fullCount;
    private int _markers;
    private int _waiting;
    private bool _abandoned;

    // Of those who wait, how many sleep or are about to; and what wakes one.
    private int _sleeping;
    private readonly SemaphoreSlim _wake = new(0);

    /// <summary>The chunks that work comes in.</summary>
    public MarkChunks Chunks { get; } = new(os, metadata);

    /// <summary>Whether somebody waits for work: who has some to spare should give.</summary>
    public bool IsWanted => Volatile.Read(ref _waiting) > 0 && Volatile.Read(ref _fullCount) == 0;

    /// <summary>So many markers begin.</summary>
    public void Begin(int markers)
    {
        _waiting = 0;
        Volatile.Write(ref _abandoned, false);
        Volatile.Write(ref _markers, markers);
    }

    /// <summary>Gives work to whoever takes it first.</summary>
    public void Give(MarkChunk* chunk)
    {
        _lock.Enter();
        chunk->Next = _full;
        _full = chunk;
        _fullCount++;
        bool wakes = _sleeping > 0;
        _sleeping -= wakes ? 1 : 0;
        _lock.Exit();
        if (wakes)
        {
            Uninterrupted.Release(_wake, 1);
        }

        InterleavingPoints.At(InterleavingPoint.MarkWorkGiven);
    }

    /// <summary>Takes work, waiting for it as long as somebody may still give some; null when marking is done.</summary>
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

    /// <summary>Marking is given up: nobody finds work here any more, and nobody waits for it.</summary>
    public void Abandon()
    {
        _lock.Enter();
        _abandoned = true;
        _lock.Exit();
        WakeAll();
    }

    /// <summary>Forgets what was left. All markers have ended.</summary>
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

    // All who sleep, and nobody else: a wake-up that nobody waits for would be there for the next who sleeps.
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
