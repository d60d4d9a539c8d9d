using SpanHeap.Caches;
using SpanHeap.Heap;
using SpanHeap.Os;
using SpanHeap.Spans;
using SpanHeap.Threads;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Interleaving;

/// <summary>A heap of blocks that are freed by hand, for one schedule; it knows which blocks are the program's and what is in them.</summary>
/// <remarks>Used by one thread at a time, as schedules run.</remarks>
internal sealed unsafe class ManualWorld : IDisposable
{
    /// <summary>A size of which few blocks fill a magazine that is sent, and few fill a span.</summary>
    public const int Medium = 16 * 1024;

    /// <summary>A size whose blocks a thread gathers if they are another thread's.</summary>
    public const int Small = 512;

    /// <summary>A size whose blocks no thread keeps: freed, they are pages of the page heap at once.</summary>
    public const int Large = 1280 * 1024;

    // Whole pages are lost or found: a word in each half of the smallest is enough to see it.
    private const nuint WrittenEvery = 2048;

    // What a trim leaves for the next: outboxes fill inboxes, and those outboxes.
    private const int MostTrims = 4;

    private readonly Dictionary<nint, nuint> _sizes = [];
    private readonly HashSet<nint> _owned = [];
    private long _lastStamp;
    private int _slept;

    public ManualWorld(nuint limit = 0)
        : this(new TracedHeapOptions { ScavengeDelay = Timeout.InfiniteTimeSpan, MemoryLimit = limit, Guard = { Mode = GuardMode.Off } })
    {
    }

    public ManualWorld(TracedHeapOptions options) => Heap = new TracedHeap(options);

    public TracedHeap Heap { get; }

    public HeapCore Core => Heap.Core;

    public CacheRegistry Registry => Heap.Core.Registry;

    /// <summary>Blocks in the hands of the program, in the order of their allocation.</summary>
    public IReadOnlyList<nint> Live => [.. _sizes.Keys];

    /// <summary>Does something on a thread of its own, which is dead when this returns.</summary>
    public DeadThread OnThreadThatDies(Action work)
    {
        DeadThread dead = default;
        Exception? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                work();
                ThreadCache* cache = Core.FindOwnCache();
                dead = new DeadThread((nint)cache, ThreadIdentity.OfCurrent(), cache->Ownership);
            }
            catch (Exception thrown)
            {
                failure = thrown;
            }
        });
        thread.Start();
        thread.Join();
        Assert.Null(failure);
        Assert.True(SpinWait.SpinUntil(() => dead.Identity.IsDead, TimeSpan.FromSeconds(30)));
        return dead;
    }

    /// <summary>Does something that makes the calling thread an owner of a cache, and looks that no other living thread has the same.</summary>
    public void AsOwner(Action work)
    {
        work();
        nint cache = (nint)Core.FindOwnCache();
        Assert.True(_owned.Add(cache), "A cache belongs to two living threads.");
        InterleavingPoints.At(InterleavingPoint.CacheOwned);
        work();
        Assert.Equal(cache, (nint)Core.FindOwnCache());
        Assert.True(ThreadCache.IsOwned((ThreadCache*)cache), "The cache of a living thread is an orphan.");
        _owned.Remove(cache);
    }

    /// <summary>The calling thread is in a wait of the program's, until it wakes.</summary>
    public void Sleep()
    {
        _slept++;
        InterleavingPoints.Sleep(InterleavingPoint.ThreadAsleep);
    }

    /// <summary>The calling thread goes on when so many have gone to sleep: what comes before is of no interest.</summary>
    public void AwaitSleepers(int count)
    {
        InterleavingPoints.Await(InterleavingPoint.ThreadAsleep, () => _slept >= count);

        // They may have woken when it begins.
        InterleavingPoints.At(InterleavingPoint.ThreadAsleep);
    }

    /// <summary>
    /// Does an operation of the calling thread's; its stacks are whole afterwards, as they are unless they were taken in the middle of it. To
    /// go on with them would be the end of the process, and not of the schedule.
    /// </summary>
    public void OnWholeStacks(Action operation)
    {
        ThreadCache* cache = ThreadRecord.FindCache(isShared: false, Core.Number, Core.Serial);
        operation();
        cache = cache != ThreadCache.None ? cache : ThreadRecord.FindCache(isShared: false, Core.Number, Core.Serial);
        for (uint sizeClass = 1; cache != ThreadCache.None && sizeClass <= (uint)SizeClasses.LastShared; sizeClass++)
        {
            AssertWhole(ThreadCache.ServingStack(cache, sizeClass, Core.IsHidden));
        }

        if (cache != ThreadCache.None)
        {
            AssertWhole(&cache->Gathered);
        }
    }

    private static void AssertWhole(ClassStack* stack)
    {
        bool whole = stack->IsOpen ? stack->Top >= stack->Base && stack->Top <= stack->Limit : stack->Top == null && stack->Limit == null;
        Assert.True(whole, "A stack was taken in the middle of an operation.");
    }

    /// <summary>A block that was free, filled with what no other has.</summary>
    public nint Allocate(nuint size = Medium)
    {
        nint block = (nint)Heap.Native.Alloc(size);
        NoteAllocated(block, size);
        return block;
    }

    /// <summary>The same with a block that is to be zero.</summary>
    public nint AllocateZeroed(nuint size)
    {
        nint block = (nint)Heap.Native.AllocZeroed(size);
        for (nuint at = 0; at < size; at += WrittenEvery)
        {
            Assert.True(*(long*)(block + (nint)at) == 0, $"The block {block:x} is not zero.");
        }

        NoteAllocated(block, size);
        return block;
    }

    public nint[] AllocateMany(int count, nuint size = Medium)
    {
        nint[] blocks = new nint[count];
        for (int i = 0; i < count; i++)
        {
            blocks[i] = Allocate(size);
        }

        return blocks;
    }

    /// <summary>Frees a block that holds what was written to it.</summary>
    public void Free(nint block)
    {
        NoteFreed(block);
        Heap.Native.Free((void*)block);
    }

    public void Free(IEnumerable<nint> blocks)
    {
        foreach (nint block in blocks)
        {
            Free(block);
        }
    }

    /// <summary>The program has been given a block.</summary>
    public void NoteAllocated(nint block, nuint size)
    {
        Assert.True(_sizes.TryAdd(block, size), $"The block {block:x} was given out twice.");
        Assert.DoesNotContain(_sizes, other => other.Key < block && block < other.Key + (nint)other.Value);
        long stamp = ++_lastStamp;
        for (nuint at = 0; at < size; at += WrittenEvery)
        {
            *(long*)(block + (nint)at) = stamp;
        }
    }

    /// <summary>The program is about to free a block.</summary>
    public void NoteFreed(nint block)
    {
        Assert.True(_sizes.Remove(block, out nuint size), $"The block {block:x} is not the program's.");
        RequireContents(block, size);
    }

    /// <summary>Sends what the calling thread has gathered for other owners.</summary>
    public void Flush() => Core.Caches.FlushOutbox(Core.FindOwnCache(), idleOnly: false);

    /// <summary>Drains all caches but those of living threads' stacks, and gives no memory back.</summary>
    public void Drain()
    {
        MaintenanceRound round = new(Core.Maintained, idleOnly: false, MaintenanceStep.LastOfDraining);
        while (round.Step())
        {
        }
    }

    /// <summary>No thread uses the heap any more: all records agree, and blocks hold what was written to them.</summary>
    public void AssertSound()
    {
        Heap.Verify();
        foreach ((nint block, nuint size) in _sizes)
        {
            RequireContents(block, size);
        }

        // Not whether a report is pending: a thread of the pool, which no schedule holds, may have taken it.
        Assert.True(Core.Misuse.Total == 0, "A block came back that was not out.");
    }

    /// <summary>The same; and when all is freed, nothing is left anywhere.</summary>
    public void AssertAllCanBeFreed()
    {
        AssertSound();
        Free(Live);
        for (int i = 0; i < MostTrims && Core.Pages.PagesInUse != 0; i++)
        {
            Heap.Trim();
        }

        AssertSound();
        Assert.True(Core.Pages.PagesInUse == 0, $"All is freed, but {Core.Pages.PagesInUse} pages stay in use.");
    }

    /// <summary>The owner that a block's page entry names.</summary>
    public static ThreadCache* OwnerOf(nint block) => ThreadCachePool.ByEntry(*ArenaHeader.EntryOf(block));

    public void Dispose() => Heap.Dispose();

    private static void RequireContents(nint block, nuint size)
    {
        long stamp = *(long*)block;
        for (nuint at = 0; at < size; at += WrittenEvery)
        {
            Assert.True(stamp != 0 && *(long*)(block + (nint)at) == stamp, $"The block {block:x} does not hold what was written to it.");
        }
    }

    /// <summary>A thread that has ended, and what it was when it did.</summary>
    public readonly record struct DeadThread(nint Cache, ThreadIdentity Identity, long Ownership);
}
