using System.Runtime.CompilerServices;
using SpanHeap.Pages;

namespace SpanHeap.Traced.Marking;

/// <summary>Arenas in which a marker has found traced spans of the heap being marked, so that it need not ask the process's table again.</summary>
/// <remarks>
/// Belongs to one marker, for one marking. This is sound because a traced span, and so its arena, stays where it is while the gate is closed and
/// everything is swept.
/// </remarks>
[InlineArray(Length)]
internal struct KnownArenas
{
    // If a heap has more arenas, some of them replace each other.
    private const int Length = 16;

    private nint _first;

    /// <summary>Whether an arena was noted and has not been replaced since.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool Contains(nint arena) => this[PlaceOf(arena)] == arena;

    public void Add(nint arena) => this[PlaceOf(arena)] = arena;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int PlaceOf(nint arena) => (int)((nuint)arena >> PageGeometry.ArenaShift) & (Length - 1);
}
