namespace SpanHeap.Os;

/// <summary>A record in native memory that has room for links to its neighbors in a list.</summary>
internal unsafe interface ILinked<T>
    where T : unmanaged, ILinked<T>
{
    static abstract ref T* NextOf(T* node);

    static abstract ref T* PreviousOf(T* node);
}

/// <summary>
/// A list of records in native memory, linked through the records themselves. Nothing is allocated, and any record can be removed in one step.
/// </summary>
/// <remarks>
/// Guarded by the lock of its owner. A record is in at most one such list, and has no neighbors while it is in none. All zero is the empty list.
/// </remarks>
internal unsafe struct IntrusiveList<T>
    where T : unmanaged, ILinked<T>
{
    /// <summary>The first record; null when the list is empty.</summary>
    public T* First;

    /// <summary>The last record; null when the list is empty.</summary>
    public T* Last;

    /// <summary>Determines whether a record is in this list. The record must not be in any other.</summary>
    public readonly bool Contains(T* node) => T.PreviousOf(node) != null || First == node;

    public void AddFirst(T* node)
    {
        AssertInNoList(node);
        T.PreviousOf(node) = null;
        T.NextOf(node) = First;
        if (First != null)
        {
            T.PreviousOf(First) = node;
        }
        else
        {
            Last = node;
        }

        First = node;
    }

    public void AddLast(T* node)
    {
        AssertInNoList(node);
        T.NextOf(node) = null;
        T.PreviousOf(node) = Last;
        if (Last != null)
        {
            T.NextOf(Last) = node;
        }
        else
        {
            First = node;
        }

        Last = node;
    }

    /// <summary>Removes a record that is in the list.</summary>
    public void Remove(T* node)
    {
        T* previous = T.PreviousOf(node);
        T* next = T.NextOf(node);
        Invariant.Assert(previous == null ? First == node : T.NextOf(previous) == node, "A record that is removed is in this list, after its neighbor.");
        Invariant.Assert(next == null ? Last == node : T.PreviousOf(next) == node, "A record that is removed is in this list, before its neighbor.");
        if (previous == null)
        {
            First = next;
        }
        else
        {
            T.NextOf(previous) = next;
        }

        if (next == null)
        {
            Last = previous;
        }
        else
        {
            T.PreviousOf(next) = previous;
        }

        T.NextOf(node) = T.PreviousOf(node) = null;
    }

    private readonly void AssertInNoList(T* node) =>
        Invariant.Assert(T.NextOf(node) == null && T.PreviousOf(node) == null && First != node, "A record is in one list at most.");
}
