using SpanHeap.Traced.Roots;

namespace SpanHeap.Traced.Marking;

/// <summary>Begins marking with the blocks that handles and root arrays name.</summary>
internal static unsafe class RootScan
{
    /// <summary>
    /// Gives a marker every root. No thread is in a scope, so no slot is taken or set. Handles and arrays may be freed meanwhile; what they named
    /// may then live until the next collection.
    /// </summary>
    public static void VisitAll(RootTable roots, Marker marker)
    {
        HandleTable.SlotWalk slots = new(roots);
        while (slots.MoveNext())
        {
            marker.Visit(Volatile.Read(ref slots.Current->Block));
        }

        for (RootArraySlots? array = roots.Arrays.First; array != null; array = array.Next)
        {
            foreach (nint block in array.Slots)
            {
                marker.Visit(block);
            }
        }
    }
}
