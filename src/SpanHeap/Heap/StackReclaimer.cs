using System.Numerics;
using SpanHeap.Blocks;
using SpanHeap.Caches;
using SpanHeap.Os;
using SpanHeap.Threads;

namespace SpanHeap.Heap;

/// <summary>
/// Takes the blocks on the stacks of threads that wait, without their help. Maintenance rounds take them from threads that have not used them for a
/// round. Before an allocation fails, they are taken from all threads that wait.
/// </summary>
/// <remarks>
/// <para>
/// Fast paths pay nothing for it. A thread finds its cache only through its record (or, in a <c>LocalHeap</c>, through the serial number in the
/// cache, which it compares each time). So the reclaimer first replaces both, then runs a process-wide fence, and then asks whether the thread is in
/// one of .NET's waits. This is sound for these reasons:
/// </para>
/// <list type="number">
/// <item>
/// An operation of the heap reads the place of the cache after it has begun, and does not wait in between: fast paths call nothing, and slow paths
/// wait only by <see cref="NativeLock"/> and <see cref="Thread.Yield"/>, which are not such waits. So a thread seen waiting after the fence is not in
/// an operation that began before the fence.
/// </item>
/// <item>
/// An operation that begins after the fence finds no cache. It takes a slow path, which waits for the lock of the record
/// (<see cref="HeapState.FindOwnCache"/>). The reclaimer holds that lock until the stacks are closed and the cache is back in its place.
/// </item>
/// <item>
/// What the thread wrote last is visible: after writing it, the thread marked itself as waiting with an interlocked operation, and the reclaimer runs
/// a barrier after it has read the mark.
/// </item>
/// <item>
/// A thread that ends meanwhile leaves the cache to the reclaimer: the cache is not orphaned before <see cref="CacheRegistry.EndReclaim"/>, and no
/// thread takes the record while its lock is held.
/// </item>
/// </list>
/// <para>
/// A thread that does not wait gets its cache back at once, and its next operations find the stacks as it left them. Not on Windows, where a thread
/// may run other code while it waits. Traced caches need nothing like this, because each collection returns what they hold.
/// </para>
/// <para>Thread safe. One thread reclaims at a time and the others wait, because it may find what they lack.</para>
/// </remarks>
internal sealed unsafe class StackReclaimer(CacheRegistry registry, StackDrain drain, int heapNumber, ulong heapSerial, bool hidden)
{
    // A thread that wakes up waits until its batch is done.
    private const int BatchSize = 16;

    // The number of caches that are checked before other threads have their turn.
    private const int LooksPerStep = 256;

    // Odd, with bits in no apparent order: multiplying by it spreads a value over the word.
    private const ulong Multiplier = 0x9E3779B97F4A7C15;

    private readonly Candidate[] _batch = new Candidate[BatchSize];
    private MaintenanceTurn _turn;
    private long _fences;
    private long _reclaimed;

    /// <summary>The number of process-wide fences so far: one for each batch, whatever its size.</summary>
    public long Fences => Volatile.Read(ref _fences);

    /// <summary>How many times the stacks of a thread were taken.</summary>
    public long Reclaimed => Volatile.Read(ref _reclaimed);

    /// <summary>Takes the stacks of all threads that wait. Call without a lock, and not within an operation that uses stacks.</summary>
    /// <param name="idleOnly">Whether to take only those of threads that have not used them since the last round.</param>
    /// <returns>Whether another round may find something that this one has only noted.</returns>
    public bool Reclaim(bool idleOnly)
    {
        LockOrder.AssertNoneHeld();
        bool noted = false;
        for (int next = 0; next < registry.Count;)
        {
            noted |= ReclaimSome(ref next, idleOnly);
        }

        return noted;
    }

    /// <summary>Does one batch of what <see cref="Reclaim"/> does.</summary>
    /// <param name="next">The number of the cache to continue at. When it equals the number of caches, all has been done.</param>
    /// <param name="idleOnly">The same as for <see cref="Reclaim"/>.</param>
    /// <returns>The same as for <see cref="Reclaim"/>.</returns>
    public bool ReclaimSome(ref int next, bool idleOnly)
    {
        if (OperatingSystem.IsWindows())
        {
            next = registry.Count;
            return false;
        }

        _turn.Take();
        bool noted = false;
        int found = 0;
        for (int looks = LooksPerStep; looks > 0 && found < BatchSize && next < registry.Count; looks--, next++)
        {
            found += TryHide(next, idleOnly, ref _batch[found], ref noted) ? 1 : 0;
        }

        if (found > 0)
        {
            Interlocked.MemoryBarrierProcessWide();
            _fences++;
            InterleavingPoints.At(InterleavingPoint.SleepersHidden);
            for (int i = 0; i < found; i++)
            {
                Finish(ref _batch[i]);
            }
        }

        _turn.Return();
        return noted;
    }

    private bool TryHide(int index, bool idleOnly, ref Candidate candidate, ref bool noted)
    {
        // A glance first: most threads have nothing, or have just used what they have.
        ThreadCache* cache = registry[index];
        if (!HasBlocks(cache) || (idleOnly && !IsDue(cache, ref noted)) || (cache = registry.BeginReclaim(index, out ThreadIdentity thread)) == null)
        {
            return false;
        }

        if (thread.IsCurrent || !thread.TryHide(cache, heapNumber, heapSerial))
        {
            registry.EndReclaim(cache);
            return false;
        }

        candidate = new Candidate { Cache = cache, Thread = thread };
        return true;
    }

    private void Finish(ref Candidate candidate)
    {
        ThreadCache* cache = candidate.Cache;
        if (candidate.Thread.IsWaiting)
        {
            Interlocked.MemoryBarrier();
            InterleavingPoints.At(InterleavingPoint.SleeperAsked);
            drain.Drain(cache);
            _reclaimed++;
        }

        candidate.Thread.Show(cache, heapNumber, heapSerial);
        InterleavingPoints.At(InterleavingPoint.SleeperShown);
        registry.EndReclaim(cache);
        candidate = default;
    }

    private bool HasBlocks(ThreadCache* cache) =>
        Volatile.Read(ref cache->HasStacks) || Volatile.Read(ref ThreadCache.LargeOf(cache, hidden)->Count) > 0;

    // Due when the stacks look as they did in the round before, and then less and less often, because their thread waits in native code or is just
    // idle.
    private bool IsDue(ThreadCache* cache, ref bool noted)
    {
        ulong seen = Look(cache);
        if (seen != cache->StacksSeen)
        {
            cache->StacksSeen = seen;
            cache->StillRounds = 0;
            noted = true;
            return false;
        }

        cache->StillRounds = Math.Min(cache->StillRounds + 1, 1 << 30);
        return BitOperations.IsPow2(cache->StillRounds);
    }

    // Computes a number that almost certainly changes when the stacks do. Their thread may be using them.
    private ulong Look(ThreadCache* cache)
    {
        LargeCache* large = ThreadCache.LargeOf(cache, hidden);
        ulong look = (ulong)Volatile.Read(ref large->Count) ^ ((ulong)Volatile.Read(ref large->Bytes) << 8);
        for (uint sizeClass = ThreadCache.NextUsed(cache, 0); sizeClass != 0; sizeClass = ThreadCache.NextUsed(cache, sizeClass))
        {
            ClassStack* stack = ThreadCache.ServingStack(cache, sizeClass, hidden);
            look = BitOperations.RotateLeft(look * Multiplier, 5) ^ (ulong)Volatile.Read(ref *(nint*)&stack->Top);
        }

        return look;
    }

    private struct Candidate
    {
        public ThreadCache* Cache;
        public ThreadIdentity Thread;
    }
}
