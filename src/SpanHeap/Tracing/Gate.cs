using System.Diagnostics;
using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>
/// Keeps threads out of a traced heap while it is marked: closed, it makes outermost scopes wait, and the collector waits for those
/// that are open.
/// </summary>
/// <remarks>
/// <para>
/// Entering is a store and a load, without a fence between: <see cref="TracedCache.Depth"/> is set, then the gate is read. The
/// collector closes the gate, runs a process-wide fence, then reads the depths. So either the thread saw the gate closed, or the
/// collector sees the depth; what the thread wrote before it left is seen by who then reads depth 0.
/// </para>
/// <para>
/// A thread in a scope may wait for one that waits at the gate. So the collector waits for a time only, opens again, and tries later:
/// a scope that never ends keeps the heap from being collected, and nobody from going on.
/// </para>
/// </remarks>
internal sealed unsafe class Gate(TracedCaches caches) : IDisposable
{
    private const int SpinsBeforeYield = 30;

    // A scope that lasts longer than this lasts so much longer that a millisecond more does not matter.
    private static readonly TimeSpan s_longestYielding = TimeSpan.FromMilliseconds(2);

    private readonly ManualResetEventSlim _open = new(initialState: true);

    // Written by the collector alone (one at a time), read by every thread that enters.
    private int _closed;

    public bool IsClosed => Volatile.Read(ref _closed) != 0;

    /// <summary>Begins an outermost scope of the calling thread, or goes on in one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Enter(TracedCache* cache)
    {
        if (cache->Depth++ != 0)
        {
            return;
        }

        InterleavingPoints.At(InterleavingPoint.ScopeEntering);
        if (Volatile.Read(ref _closed) != 0)
        {
            EnterLater(cache);
        }
    }

    /// <summary>Ends the scope of a depth, and those within it; when it has ended, or its Yield failed, it does nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Exit(TracedCache* cache, int depth)
    {
        if (cache->Depth >= depth)
        {
            Volatile.Write(ref cache->Depth, depth - 1);
            InterleavingPoints.At(InterleavingPoint.ScopeLeft);
        }
    }

    /// <summary>Closes the gate and waits until no thread is in a scope.</summary>
    /// <param name="patience">How long.</param>
    /// <param name="holdUp">The cache of a thread that did not come out, when it returns false.</param>
    /// <returns>False when it took too long: the gate is open again.</returns>
    public bool TryClose(TimeSpan patience, out TracedCache* holdUp)
    {
        _open.Reset();
        Volatile.Write(ref _closed, 1);
        Interlocked.MemoryBarrierProcessWide();
        InterleavingPoints.At(InterleavingPoint.GateClosed);
        long start = Stopwatch.GetTimestamp();
        for (int attempt = 0; (holdUp = caches.FindInScope()) != null; attempt++)
        {
            InterleavingPoints.Spin(InterleavingPoint.ScopesAwaited);
            InterleavingPoints.HoldClock(ref start);
            if (attempt > SpinsBeforeYield)
            {
                if (Stopwatch.GetElapsedTime(start) >= patience)
                {
                    Open();
                    return false;
                }

                Wait(Stopwatch.GetElapsedTime(start));
            }
            else
            {
                Thread.SpinWait(20);
            }
        }

        return true;
    }

    public void Dispose() => _open.Dispose();

    public void Open()
    {
        Volatile.Write(ref _closed, 0);
        Uninterrupted.Set(_open);
        InterleavingPoints.At(InterleavingPoint.GateOpened);
    }

    // With the gate closed: an interrupt must not come out of this.
    private static void Wait(TimeSpan waited)
    {
        if (waited < s_longestYielding)
        {
            Thread.Yield();
        }
        else
        {
            Uninterrupted.Sleep(milliseconds: 1);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void EnterLater(TracedCache* cache)
    {
        do
        {
            Volatile.Write(ref cache->Depth, 0);
            InterleavingPoints.Await(InterleavingPoint.GateAwaited, () => _open.IsSet);
            _open.Wait();
            InterleavingPoints.At(InterleavingPoint.GatePassed);
            Volatile.Write(ref cache->Depth, 1);
            InterleavingPoints.At(InterleavingPoint.ScopeEntering);
        }
        while (Volatile.Read(ref _closed) != 0);
    }
}
