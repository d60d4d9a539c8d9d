using System.Runtime.CompilerServices;

namespace SpanHeap.Traced;

/// <summary>Visits the fields of a block from its trace function.</summary>
/// <remarks>Separate from <see cref="TracedVisitor"/>, because marking knows trace functions but not fields.</remarks>
public static class TracedVisitorExtensions
{
    /// <summary>Visits a reference of the block, so that what it refers to lives.</summary>
    /// <typeparam name="T">The type of the block that the field refers to.</typeparam>
    /// <param name="context">The visitor that the trace function was given.</param>
    /// <param name="field">The reference, which may refer to nothing.</param>
    /// <exception cref="HeapCorruptionException">With full checks: the field refers to something that is not a block of the heap.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Visit<T>(this TracedVisitor context, in Traced<T> field)
        where T : unmanaged => context.Visit(field.Address);
}
