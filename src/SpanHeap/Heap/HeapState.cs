using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Caches;
using SpanHeap.Contract;
using SpanHeap.Os;
using SpanHeap.Threads;

namespace SpanHeap.Heap;

/// <summary>A heap's name and numbers, and whether it is alive. Every part of the heap that reports an error has to know them.</summary>
/// <remarks>Thread safe.</remarks>
internal sealed unsafe class HeapState
{
    private const int NoMoreHooks = -1;

    private static readonly HeapNumbers s_numbers = new();
    private static ulong s_lastSerial;

    private readonly nuint _memoryLimit;
    private int _disposed;

    // How many sets of hooks native code may call, or NoMoreHooks. Changed by interlocked operations, so that a heap that has begun to end gets none.
    private int _hooks;

    public HeapState(NativeHeapOptions options, bool isShared)
    {
        IsShared = isShared;
        Serial = Interlocked.Increment(ref s_lastSerial);
        Name = options.Name ?? $"Heap {Serial}";
        _memoryLimit = options.MemoryLimit;
    }

    public string Name { get; }

    /// <summary>Whether this is the process's shared heap, whose caches threads find without a table.</summary>
    public bool IsShared { get; }

    /// <summary>The number that identifies the heap forever. It is never 0 and never reused.</summary>
    public ulong Serial { get; }

    /// <summary>
    /// A small number that is reused after the heap is gone. It says where threads find their cache of this heap. Set by <see cref="TakeNumber"/>.
    /// </summary>
    public int Number { get; private set; }

    public bool IsDisposed => Volatile.Read(ref _disposed) != 0;

    /// <summary>Takes a number, once, when nothing is left that could fail.</summary>
    public void TakeNumber() => Number = s_numbers.Take();

    /// <summary>Gives the number back. No thread finds a cache of the heap any longer.</summary>
    public void GiveNumber() => s_numbers.Give(Number);

    /// <summary>Notes that native code gets hooks of the heap, without which the heap must not end.</summary>
    /// <exception cref="ObjectDisposedException">The heap has been disposed, or another thread is disposing it.</exception>
    public void AddHooks()
    {
        int hooks = Volatile.Read(ref _hooks);
        int seen;
        do
        {
            seen = hooks;
            if (seen == NoMoreHooks)
            {
                ThrowHelper.HeapDisposed(Name);
            }

            hooks = Interlocked.CompareExchange(ref _hooks, seen + 1, seen);
        }
        while (hooks != seen);
    }

    /// <summary>Notes that native code calls the hooks of one set no longer.</summary>
    public void RemoveHooks() => Interlocked.Decrement(ref _hooks);

    /// <summary>Makes sure that native code has no hooks of the heap and gets none, because the heap is about to end.</summary>
    /// <exception cref="InvalidOperationException">Native code has hooks of the heap. Nothing has changed.</exception>
    public void EndHooks()
    {
        if (Interlocked.CompareExchange(ref _hooks, NoMoreHooks, 0) > 0)
        {
            ThrowHelper.HeapHooked(Name);
        }
    }

    /// <summary>Ends the heap's life.</summary>
    /// <returns>False when it had ended before.</returns>
    public bool TryEnd() => Interlocked.Exchange(ref _disposed, 1) == 0;

    /// <summary>
    /// Finds the calling thread's cache. Returns <see cref="ThreadCache.None"/> when it has none yet. Unlike a look into the record, this waits for a
    /// thread that is taking the blocks on the stacks and has hidden the cache meanwhile.
    /// </summary>
    public ThreadCache* FindOwnCache()
    {
        ThreadCache* cache = ThreadRecord.FindCache(IsShared, Number, Serial);
        ThreadRecord* record = ThreadRecord.Current;
        if (cache == ThreadCache.None && record != ThreadRecord.None)
        {
            InterleavingPoints.AwaitFree(InterleavingPoint.StacksAwaited, &record->Lock);
            record->Lock.Enter();
            cache = ThreadRecord.FindCache(IsShared, Number, Serial);
            record->Lock.Exit();
        }

        return cache;
    }

    /// <exception cref="ObjectDisposedException">The heap has been disposed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void ThrowIfDisposed()
    {
        if (IsDisposed)
        {
            ThrowHelper.HeapDisposed(Name);
        }
    }

    /// <exception cref="OutOfMemoryException">Always.</exception>
    [DoesNotReturn]
    public void ThrowOutOfMemory(nuint byteCount) => ThrowHelper.OutOfMemory(Name, byteCount, _memoryLimit);
}
