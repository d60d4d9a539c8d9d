using System.Numerics;
using SpanHeap.Os;

namespace SpanHeap.Pages;

/// <summary>
/// A tournament tree over a number of pages for each arena. It finds the oldest arena with at least a given number in a few steps, however many
/// arenas there are.
/// </summary>
/// <remarks>A view of memory that belongs to <see cref="ArenaIndex"/>, guarded by the page heap's lock.</remarks>
/// <param name="nodes">Twice as many nodes as there is room for arenas: nodes[1] is the root, nodes[capacity + i] the leaf of arena i.</param>
/// <param name="capacity">How many arenas there is room for, a power of two.</param>
internal readonly unsafe struct RunTree(int* nodes, int capacity)
{
    public int this[int arena] => nodes[capacity + arena];

    /// <summary>Raises an arena's number to at least the given number of pages.</summary>
    public void Raise(int arena, int pages)
    {
        for (int node = capacity + arena; node > 0 && nodes[node] < pages; node >>= 1)
        {
            nodes[node] = pages;
        }
    }

    /// <summary>Sets an arena's number of pages.</summary>
    public void Set(int arena, int pages)
    {
        int node = capacity + arena;
        while (node > 0 && nodes[node] != pages)
        {
            nodes[node] = pages;
            pages = Math.Max(pages, nodes[node ^ 1]);
            node >>= 1;
        }
    }

    /// <summary>Finds the oldest arena at or after <paramref name="from"/> with at least the given number of pages; -1 when there is none.</summary>
    /// <remarks>The tree must have room for the number <paramref name="from"/>.</remarks>
    public int First(int pages, int from)
    {
        Invariant.Assert(from < capacity, "The search begins at an arena for which there is room.");
        // Up while the subtree to the right of the path cannot serve, then down to its leftmost leaf that can.
        int node = capacity + from;
        while (nodes[node] < pages)
        {
            while ((node & 1) != 0)
            {
                node >>= 1;
            }

            if (node == 0)
            {
                return -1;
            }

            node++;
        }

        while (node < capacity)
        {
            node *= 2;
            if (nodes[node] < pages)
            {
                node++;
            }
        }

        return node - capacity;
    }

    /// <summary>Takes over the numbers of a smaller tree. All others become zero.</summary>
    public void CopyFrom(in RunTree smaller, int arenas)
    {
        Invariant.Assert(BitOperations.IsPow2(capacity) && arenas <= capacity, "The leaves of a tree are a power of two, and enough.");
        for (int arena = 0; arena < arenas; arena++)
        {
            nodes[capacity + arena] = smaller[arena];
        }

        for (int node = capacity - 1; node > 0; node--)
        {
            nodes[node] = Math.Max(nodes[2 * node], nodes[(2 * node) + 1]);
        }
    }
}
