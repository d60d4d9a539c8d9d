using System.Diagnostics;
using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Gating;

/// <summary>
/// Keeps threads out of a traced heap while it is marked, or while a concurrent marking begins and ends. While the gate is closed, threads wait to enter outermost scopes, and the collector waits
/// for those that are open.
/// </summary>
/// <remarks>
/// <para>
/// Entering is a store and a load, without a fence between: <see cref="TracedCache.Depth"/> is set, then the gate is read. The
/// collector closes the gate, runs a process-wide fence, then reads the depths. So either the thread saw the gate closed, or the collector sees the
/// depth. A collector that then reads depth 0 sees what the thread wrote before it left.
/// </para>
/// <para>
/// A thread in a scope may be waiting for one that waits at the gate. So the collector waits only for a time, then opens the gate and tries again
/// later: a scope that never ends keeps the heap from being collected, but no thread from going on.
/// </para>
/// </remarks>
internal sealed unsafe class Gate(TracedCaches caches) : IDisposable
{
    private const int SpinsBeforeYield = 30;

    // Some 50 microseconds: what most closures take that do not mark. A thread that sleeps wakes much later than the gate opens.
    private const int SpinsBeforeSleep = 100;

    // After a wait this long, another millisecond does not matter.
    private static readonly TimeSpan s_longestYielding = TimeSpan.FromMilliseconds(2);

    private readonly ManualResetEventSlim _open = new(initialState: true);

    // Written by the collector alone (one at a time), read by every thread that enters.
    private int _closed;

    public bool IsClosed => Volatile.Read(ref _closed) != 0;

    /// <summary>Begins or resumes an outermost scope of the calling thread.</summary>
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

    /// <summary>Ends the scope at a depth and those within it. It does nothing if the scope has ended or its Yield failed.</summary>
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
    /// <param name="patience">How long to wait.</param>
    /// <param name="holdUp">The cache of a thread that did not leave, if this returns false.</param>
    /// <returns>False if it took too long; the gate is open again.</returns>
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
        Invariant.Assert(IsClosed, "What opens was closed.");
        Volatile.Write(ref _closed, 0);
        Uninterrupted.Set(_open);
        InterleavingPoints.At(InterleavingPoint.GateOpened);
    }

    // The gate is closed, so an interrupt must not come out of this method.
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
            for (int spins = SpinsBeforeSleep; spins > 0 && IsClosed; spins--)
            {
                Thread.SpinWait(10);
            }

            _open.Wait();
            InterleavingPoints.At(InterleavingPoint.GatePassed);
            Volatile.Write(ref cache->Depth, 1);
            InterleavingPoints.At(InterleavingPoint.ScopeEntering);
        }
        while (Volatile.Read(ref _closed) != 0);
    }
}
