using System.Numerics;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// Takes what lies on the stacks of threads that wait, without their help: in rounds of the heap's own work from those that have not used
/// them for a round, and from all before an allocation fails.
/// </summary>
/// <remarks>
/// <para>
/// Fast paths pay nothing for it. A thread finds its cache only through its record (or, in a <see cref="LocalHeap"/>, through the serial
/// number in the cache, which it compares each time). So the reclaimer first replaces both, then runs a process-wide fence, and then asks
/// whether the thread is in one of .NET's waits. It is sound because:
/// </para>
/// <list type="number">
/// <item>An operation of the heap reads the place of the cache after it has begun, and does not wait in between: fast paths call nothing,
/// and slow paths wait by <see cref="NativeLock"/> and <see cref="Thread.Yield"/> only, which are not such waits. So a thread seen waiting
/// after the fence is in no operation that began before the fence.</item>
/// <item>An operation that begins after the fence finds no cache. It comes to a slow path, which waits for the lock of the record
/// (<see cref="HeapCore.FindOwnCache"/>); the reclaimer holds that until the stacks are closed and the cache is back in its place.</item>
/// <item>What the thread wrote last is seen: it marked itself as waiting by an interlocked operation after that, and the reclaimer
/// runs a barrier after it has read the mark.</item>
/// <item>A thread that ends meanwhile leaves the cache to the reclaimer: it is not orphaned before <see cref="CacheRegistry.EndReclaim"/>,
/// and no thread takes the record while its lock is held.</item>
/// </list>
/// <para>
/// A thread that does not wait gets its cache back at once; for its next operations the stacks are as it left them. Not on Windows, where a
/// thread may run other code while it waits. Traced caches need nothing like it: what they hold goes back in each collection.
/// </para>
/// <para>Thread safe. One thread reclaims at a time, the others wait: what they lack may be what it finds.</para>
/// </remarks>
internal sealed unsafe class StackReclaimer(CacheRegistry registry, StackDrain drain, int heapNumber, ulong heapSerial, bool hidden)
{
    // A thread that wakes waits until its batch is done.
    private const int BatchSize = 16;

    // Caches looked at before others have their turn.
    private const int LooksPerStep = 256;

    // Odd, with its bits in no order: what is multiplied by it spreads over the word.
    private const ulong Multiplier = 0x9E3779B97F4A7C15;

    private readonly Candidate[] _batch = new Candidate[BatchSize];
    private RoundTurn _turn;
    private long _fences;
    private long _reclaimed;

    /// <summary>Process-wide fences so far: one for each batch, whatever it holds.</summary>
    public long Fences => Volatile.Read(ref _fences);

    /// <summary>How often the stacks of a thread were taken.</summary>
    public long Reclaimed => Volatile.Read(ref _reclaimed);

    /// <summary>Takes the stacks of all threads that wait. Call without a lock, and not within an operation's use of stacks.</summary>
    /// <param name="idleOnly">Only of threads that have not used them since the last round.</param>
    /// <returns>Whether another round may find something that this one has only noted.</returns>
    public bool Reclaim(bool idleOnly)
    {
        bool noted = false;
        for (int next = 0; next < registry.Count;)
        {
            noted |= ReclaimSome(ref next, idleOnly);
        }

        return noted;
    }

    /// <summary>Does a part of that: one batch.</summary>
    /// <param name="next">The number of the cache to look at next; at the number of caches all has been done.</param>
    /// <param name="idleOnly">As in <see cref="Reclaim"/>.</param>
    /// <returns>As <see cref="Reclaim"/>.</returns>
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
            drain.Drain(cache);
            _reclaimed++;
        }

        candidate.Thread.Show(cache, heapNumber, heapSerial);
        registry.EndReclaim(cache);
        candidate = default;
    }

    private bool HasBlocks(ThreadCache* cache) =>
        Volatile.Read(ref cache->HasStacks) || Volatile.Read(ref ThreadCache.LargeOf(cache, hidden)->Count) > 0;

    // Stacks that look as they did the round before, and then less and less often: their thread waits in native code, or just so.
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

    // A number that changes, as good as certainly, when the stacks do. Their thread may be using them.
    private ulong Look(ThreadCache* cache)
    {
        LargeStack* large = ThreadCache.LargeOf(cache, hidden);
        ulong look = (ulong)Volatile.Read(ref large->Count) ^ ((ulong)Volatile.Read(ref large->Bytes) << 8);
        for (uint sizeClass = 1; sizeClass <= (uint)SizeClasses.LastShared; sizeClass++)
        {
            ClassStack* stack = hidden ? ThreadCache.HiddenStack(cache, sizeClass) : ThreadCache.Stack(cache, sizeClass);
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
