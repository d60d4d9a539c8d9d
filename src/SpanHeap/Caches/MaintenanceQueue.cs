namespace SpanHeap.Caches;

/// <summary>Heaps in the order in which they are due: a pairing heap whose links lie in the entries, so that no operation needs memory.</summary>
/// <remarks>
/// Not thread safe. Adding takes one step; removing takes a number of steps that is, on the average over many operations, logarithmic in
/// the number of entries.
/// </remarks>
internal struct MaintenanceQueue
{
    private HeapMaintenance? _first;

    /// <summary>The entry that is due first; null when there is none.</summary>
    public readonly HeapMaintenance? First => _first;

    /// <summary>Adds an entry, which must not be in a queue, by its <see cref="HeapMaintenance.Due"/>, which must not change until it is removed.</summary>
    public void Add(HeapMaintenance entry)
    {
        entry.IsQueued = true;
        _first = _first == null ? entry : Meld(_first, entry);
    }

    /// <summary>Removes an entry; it does nothing for one that is in no queue.</summary>
    public void Remove(HeapMaintenance entry)
    {
        if (!entry.IsQueued)
        {
            return;
        }

        HeapMaintenance? below = MeldAll(entry.Child);
        if (entry == _first)
        {
            _first = below;
        }
        else
        {
            Cut(entry);
            _first = below == null ? _first : Meld(_first!, below);
        }

        entry.Child = entry.Sibling = entry.Previous = null;
        entry.IsQueued = false;
    }

    private static void Cut(HeapMaintenance entry)
    {
        HeapMaintenance previous = entry.Previous!;
        if (previous.Child == entry)
        {
            previous.Child = entry.Sibling;
        }
        else
        {
            previous.Sibling = entry.Sibling;
        }

        if (entry.Sibling != null)
        {
            entry.Sibling.Previous = previous;
        }
    }

    // Makes the later one of two roots the other's first child. Of two that are due together the one that came first stays first.
    private static HeapMaintenance Meld(HeapMaintenance first, HeapMaintenance second)
    {
        (HeapMaintenance earlier, HeapMaintenance later) = second.Due < first.Due ? (second, first) : (first, second);
        later.Previous = earlier;
        later.Sibling = earlier.Child;
        if (earlier.Child != null)
        {
            earlier.Child.Previous = later;
        }

        earlier.Child = later;
        return earlier;
    }

    // One root of a row of siblings: neighbours in pairs, then the pairs from the last to the first.
    private static HeapMaintenance? MeldAll(HeapMaintenance? row)
    {
        HeapMaintenance? pairs = null;
        while (row != null)
        {
            HeapMaintenance pair = row;
            HeapMaintenance? second = pair.Sibling;
            row = second?.Sibling;
            pair.Sibling = pair.Previous = null;
            if (second != null)
            {
                second.Sibling = second.Previous = null;
                pair = Meld(pair, second);
            }

            pair.Sibling = pairs;
            pairs = pair;
        }

        HeapMaintenance? root = null;
        while (pairs != null)
        {
            HeapMaintenance pair = pairs;
            pairs = pair.Sibling;
            pair.Sibling = null;
            root = root == null ? pair : Meld(pair, root);
        }

        return root;
    }
}
