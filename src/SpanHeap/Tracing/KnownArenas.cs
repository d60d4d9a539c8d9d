using System.Runtime.CompilerServices;
using SpanHeap.Pages;

namespace SpanHeap.Tracing;

/// <summary>Arenas of the heap being marked in which a marker has found traced spans: it looks into them again without asking the process's table.</summary>
/// <remarks>
/// One marker's, for one marking. Sound because a traced span, and so its arena, stays where it is while the gate is closed and all is swept.
/// </remarks>
[InlineArray(Length)]
internal struct KnownArenas
{
    // Of a heap with more arenas some take turns.
    private const int Length = 16;

    private nint _first;

    /// <summary>Whether an arena was noted, and no other in its place since.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool Contains(nint arena) => this[PlaceOf(arena)] == arena;

    public void Add(nint arena) => this[PlaceOf(arena)] = arena;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int PlaceOf(nint arena) => (int)((nuint)arena >> PageGeometry.ArenaShift) & (Length - 1);
}
