using SpanHeap.Spans;

namespace SpanHeap.Traced.Spans;

/// <summary>
/// Finds references that lead into a nursery from outside of it: from then on, what lies in the nursery may live longer than the scopes that made it. (The
/// dynamic escape detection of Domani and others, for scopes in place of threads.)
/// </summary>
/// <remarks>
/// Used by threads in scopes, about blocks that they may refer to. So the spans of these blocks are in use, and their records do not change but for being
/// taken out of their nursery by its own thread.
/// </remarks>
internal static unsafe class EscapeWatch
{
    /// <summary>Whether any heap of the process has had nurseries, so that stores that know no heap look for them. Never false again.</summary>
    public static bool IsUsed { get; private set; }

    /// <summary>Notes that there is a heap with nurseries.</summary>
    public static void Use() => IsUsed = true;

    /// <summary>Notes that a block is referred to from outside of all blocks, or named by a weak handle or a clean-up.</summary>
    /// <param name="block">The block; 0 for none.</param>
    public static void Note(nint block)
    {
        if (block != 0 && NurseryOf(block) is var nursery && nursery != null)
        {
            Volatile.Write(ref *nursery, 1);
        }
    }

    /// <summary>Notes that a reference is stored.</summary>
    /// <param name="field">Where it is stored: any address.</param>
    /// <param name="block">The block that it refers to, which is not null.</param>
    public static void NoteStore(nint field, nint block)
    {
        int* nursery = NurseryOf(block);
        if (nursery != null && (!ArenaMap.IsInArena(field) || NurseryOf(field) != nursery))
        {
            Volatile.Write(ref *nursery, 1);
        }
    }

    // The flag of the nursery that an address of an arena lies in; null if it lies in none. Pages of manual blocks have other records.
    private static int* NurseryOf(nint address)
    {
        TracedSpan* span = (TracedSpan*)ArenaHeader.SpanOf(address, Volatile.Read(ref *ArenaHeader.EntryOf(address)));
        return span->Span.State == SpanState.Traced ? span->Nursery : null;
    }
}
