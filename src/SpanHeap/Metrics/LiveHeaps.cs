using System.Diagnostics.CodeAnalysis;
using SpanHeap.Heap;
using SpanHeap.Os;

namespace SpanHeap.Metrics;

/// <summary>Lists the heaps that the program has created and not disposed. A heap that is dropped is not kept alive by this list.</summary>
/// <remarks>
/// Thread safe. A heap is listed at its <see cref="HeapCore.Number"/>, so that to add and to remove one takes the same time however many there are, and
/// the list is no longer than the program ever had heaps at once. Readers take no lock. The shared heap is not listed: it is always found by
/// <see cref="SharedHeap"/>.
/// </remarks>
internal static class LiveHeaps
{
    private const int FirstCapacity = 16;

    private static NativeLock s_lock;

    // Elements are written under the lock and read without it. The array is replaced under the lock by a larger one, which is allocated outside.
    private static WeakReference<IMeteredHeap>?[] s_heaps = new WeakReference<IMeteredHeap>?[FirstCapacity];

    // The highest number of a listed heap, plus one. Written under the lock.
    private static int s_end;

    /// <summary>The places of the list, of which any may be empty.</summary>
    public static ReadOnlySpan<WeakReference<IMeteredHeap>?> Places
    {
        get
        {
            // In this order: an array that is read later has room for all that was listed before.
            int end = Volatile.Read(ref s_end);
            return Volatile.Read(ref s_heaps).AsSpan(0, end);
        }
    }

    /// <summary>Lists a heap, once, after it has its number.</summary>
    public static void Add(IMeteredHeap heap)
    {
        int number = heap.Core.Number;
        WeakReference<IMeteredHeap> place = new(heap);
        while (!TryPut(number, place))
        {
            WeakReference<IMeteredHeap>?[] full = Volatile.Read(ref s_heaps);
            Replace(full, new WeakReference<IMeteredHeap>?[Math.Max(2 * full.Length, number + 1)]);
        }
    }

    /// <summary>Removes a heap before it gives its number back. Does nothing for a heap that is not listed, or is not any more.</summary>
    public static void Remove(IMeteredHeap heap)
    {
        int number = heap.Core.Number;
        s_lock.Enter();
        if (number < s_end && s_heaps[number] is { } place && place.TryGetTarget(out IMeteredHeap? listed) && listed == heap)
        {
            s_heaps[number] = null;
            while (s_end > 0 && s_heaps[s_end - 1] == null)
            {
                s_end--;
            }
        }

        s_lock.Exit();
    }

    /// <summary>Gets the heap of a place; false if the place is empty, or its heap has been dropped or disposed.</summary>
    public static bool TryGet(WeakReference<IMeteredHeap>? place, [NotNullWhen(true)] out IMeteredHeap? heap)
    {
        heap = null;
        return place != null && place.TryGetTarget(out heap) && !heap.Core.IsDisposed;
    }

    /// <summary>Gets all heaps that are alive now, in the order in which they were created.</summary>
    public static List<THeap> Snapshot<THeap>()
        where THeap : class, IMeteredHeap
    {
        List<THeap> heaps = [];
        foreach (WeakReference<IMeteredHeap>? place in Places)
        {
            if (TryGet(place, out IMeteredHeap? heap))
            {
                heaps.Add((THeap)heap);
            }
        }

        heaps.Sort(static (one, other) => one.Core.Serial.CompareTo(other.Core.Serial));
        return heaps;
    }

    // False when the array has no room for the number.
    private static bool TryPut(int number, WeakReference<IMeteredHeap> place)
    {
        s_lock.Enter();
        bool hasRoom = number < s_heaps.Length;
        if (hasRoom)
        {
            s_heaps[number] = place;
            Volatile.Write(ref s_end, Math.Max(s_end, number + 1));
        }

        s_lock.Exit();
        return hasRoom;
    }

    private static void Replace(WeakReference<IMeteredHeap>?[] full, WeakReference<IMeteredHeap>?[] larger)
    {
        s_lock.Enter();
        if (s_heaps == full)
        {
            full.CopyTo(larger, 0);
            Volatile.Write(ref s_heaps, larger);
        }

        s_lock.Exit();
    }
}
