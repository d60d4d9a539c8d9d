using System.Numerics;
using System.Runtime.InteropServices;

namespace SpanHeap.Heap;

/// <summary>
/// Counts the managed owners of a heap's blocks: those that are in use, and those that the garbage collector has found to be dropped without having
/// been disposed.
/// </summary>
/// <remarks>Thread safe. Costs nothing in a heap without owners.</remarks>
internal sealed class OwnerCount
{
    private const int MostCells = 64;

    // Threads count in different cells, so that they do not wait for each other's cache lines. A cell by itself may be negative, because an owner
    // may be disposed by another thread. Published by compare-exchange when the first owner is counted; cells are written by interlocked operations.
    private Cell[]? _cells;

    // Written by the thread that runs finalizers, by interlocked operations.
    private long _dropped;

    /// <summary>The number of owners that have been created and not disposed, dropped ones included. Close to it while other threads count.</summary>
    public long InUse
    {
        get
        {
            long sum = 0;
            foreach (ref Cell cell in Volatile.Read(ref _cells).AsSpan())
            {
                sum += Volatile.Read(ref cell.Value);
            }

            return Math.Max(sum, 0);
        }
    }

    /// <summary>The number of owners that were found to be dropped.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Counts an owner that has been created.</summary>
    public void Add() => Interlocked.Increment(ref OwnCell().Value);

    /// <summary>Counts an owner that has been disposed.</summary>
    public void Remove() => Interlocked.Decrement(ref OwnCell().Value);

    /// <summary>Counts an owner that has been found to be dropped.</summary>
    /// <returns>The number of those so far.</returns>
    public long NoteDropped() => Interlocked.Increment(ref _dropped);

    private ref Cell OwnCell()
    {
        Cell[] cells = _cells ?? Create();
        return ref cells[Environment.CurrentManagedThreadId & (cells.Length - 1)];
    }

    private Cell[] Create()
    {
        Cell[] created = new Cell[Math.Min(BitOperations.RoundUpToPowerOf2((uint)Environment.ProcessorCount), MostCells)];
        return Interlocked.CompareExchange(ref _cells, created, null) ?? created;
    }

    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private struct Cell
    {
        public long Value;
    }
}
