namespace SpanHeap.Heap;

/// <summary>Entries in the order in which they are due: a pairing heap whose links lie in the entries, so that no operation needs memory.</summary>
/// <remarks>
/// Not thread safe. Adding takes one step. Removing takes a number of steps that, averaged over many operations, is logarithmic in the number of
/// entries.
/// </remarks>
internal struct MaintenanceQueue
{
    private MaintenanceEntry? _first;

    /// <summary>The entry that is due first; null when there is none.</summary>
    public readonly MaintenanceEntry? First => _first;

    /// <summary>
    /// Adds an entry, which must not be in a queue, by its <see cref="MaintenanceEntry.Due"/>. That must not change until the entry is removed.
    /// </summary>
    public void Add(MaintenanceEntry entry)
    {
        entry.IsQueued = true;
        _first = _first == null ? entry : Meld(_first, entry);
    }

    /// <summary>Removes an entry. Does nothing for an entry that is in no queue.</summary>
    public void Remove(MaintenanceEntry entry)
    {
        if (!entry.IsQueued)
        {
            return;
        }

        MaintenanceEntry? below = MeldAll(entry.Child);
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

    private static void Cut(MaintenanceEntry entry)
    {
        MaintenanceEntry previous = entry.Previous!;
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

    // Makes the later of two roots the first child of the other. If two are due together, the one that came first stays first.
    private static MaintenanceEntry Meld(MaintenanceEntry first, MaintenanceEntry second)
    {
        (MaintenanceEntry earlier, MaintenanceEntry later) = second.Due < first.Due ? (second, first) : (first, second);
        later.Previous = earlier;
        later.Sibling = earlier.Child;
        if (earlier.Child != null)
        {
            earlier.Child.Previous = later;
        }

        earlier.Child = later;
        return earlier;
    }

    // Makes one root of a row of siblings: first neighbors in pairs, then the pairs from the last to the first.
    private static MaintenanceEntry? MeldAll(MaintenanceEntry? row)
    {
        MaintenanceEntry? pairs = null;
        while (row != null)
        {
            MaintenanceEntry pair = row;
            MaintenanceEntry? second = pair.Sibling;
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

        MaintenanceEntry? root = null;
        while (pairs != null)
        {
            MaintenanceEntry pair = pairs;
            pairs = pair.Sibling;
            pair.Sibling = null;
            root = root == null ? pair : Meld(pair, root);
        }

        return root;
    }
}
