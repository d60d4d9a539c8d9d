using System.Runtime.InteropServices;
using SpanHeap.Traced.Layouts;

namespace SpanHeap.Traced;

/// <summary>
/// Says which words of a traced block are references to other blocks. Layouts are registered at run time by the methods here, and kept for good.
/// Equal layouts are the same layout. A process may have 4,096 of them, and about 3,900 combinations of layout and size class. Blocks without
/// references and arrays of references can be made even if there are no more.
/// </summary>
/// <remarks>Thread safe. Layouts belong to no heap.</remarks>
public readonly unsafe struct TracedLayout : IEquatable<TracedLayout>
{
    // One more than the number, so that a default value is no layout.
    private readonly int _number;

    private TracedLayout(int number) => _number = number + 1;

    /// <summary>Gets the layout of blocks without references. Collections mark them but do not look into them.</summary>
    public static TracedLayout NoPointers { get; } = new(SpanClasses.NoPointers);

    /// <summary>Gets the layout of arrays whose elements are all references.</summary>
    public static TracedLayout References { get; } = new(SpanClasses.References);

    /// <summary>Blocks without references that live until a <see cref="MarkSession"/> does not mark them.</summary>
    internal static TracedLayout Collectable { get; } = new(SpanClasses.Collectable);

    internal int Number => _number - 1;

    /// <summary>Makes the layout of blocks with references at given offsets.</summary>
    /// <param name="byteCount">The size of a block in bytes.</param>
    /// <param name="offsets">The offsets of the references in a block, in bytes: multiples of 8.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// An offset is not a multiple of 8, or a reference there would not lie within the block; or <paramref name="byteCount"/> is negative.
    /// </exception>
    /// <exception cref="InvalidOperationException">The process has registered too many layouts.</exception>
    public static TracedLayout OfFields(int byteCount, params ReadOnlySpan<int> offsets) =>
        offsets.IsEmpty ? NoPointers : Add(TracedForm.Fields, byteCount, offsets);

    /// <summary>
    /// Makes the layout of arrays whose elements have references at given offsets, for <see cref="TracedScope.NewElements(TracedLayout, long)"/>:
    /// blocks that begin with the number of elements, in 8 bytes. (<see cref="TracedScope.NewElements{T}"/> needs only the layout of its elements.)
    /// </summary>
    /// <param name="byteCount">The distance from one element to the next in bytes: a multiple of 8 if there are references.</param>
    /// <param name="offsets">The offsets of the references in an element, in bytes: multiples of 8.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// An offset or <paramref name="byteCount"/> is not a multiple of 8, or a reference would not lie within the element.
    /// </exception>
    /// <exception cref="InvalidOperationException">The process has registered too many layouts.</exception>
    public static TracedLayout OfElements(int byteCount, params ReadOnlySpan<int> offsets) =>
        offsets.IsEmpty ? NoPointers : Add(TracedForm.Elements, byteCount, offsets);

    /// <summary>
    /// Makes the layout of blocks whose references a function of the program finds: for blocks whose own tags or lengths say where references lie.
    /// </summary>
    /// <param name="trace">
    /// The function, which is given a block and visits each reference in it. Collections call it any number of times, on several threads at once,
    /// while no thread is in a scope. It must read no traced memory but the block, accept a block that is still all zero, enter no scope and not
    /// collect. What it throws ends the collection and comes out of the call that collected, as the inner exception of an
    /// <see cref="InvalidOperationException"/>.
    /// </param>
    /// <exception cref="ArgumentNullException"><paramref name="trace"/> is null.</exception>
    /// <exception cref="InvalidOperationException">The process has registered too many layouts.</exception>
    public static TracedLayout Custom(delegate*<nint, TracedVisitor, void> trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        return new TracedLayout(SpanClasses.AddLayout(new SpanClassInfo { Form = TracedForm.Custom, Trace = (nint)trace }));
    }

    /// <inheritdoc/>
    public bool Equals(TracedLayout other) => _number == other._number;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is TracedLayout other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _number;

    /// <summary>Determines whether two layouts are the same.</summary>
    /// <param name="left">One layout.</param>
    /// <param name="right">The other layout.</param>
    public static bool operator ==(TracedLayout left, TracedLayout right) => left.Equals(right);

    /// <summary>Determines whether two layouts differ.</summary>
    /// <param name="left">One layout.</param>
    /// <param name="right">The other layout.</param>
    public static bool operator !=(TracedLayout left, TracedLayout right) => !left.Equals(right);

    private static TracedLayout Add(TracedForm form, int byteCount, ReadOnlySpan<int> offsets)
    {
        // This comes before the subtraction below, which overflows for the least negative sizes.
        ArgumentOutOfRangeException.ThrowIfNegative(byteCount);
        if (form == TracedForm.Elements && byteCount % sizeof(nint) != 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(byteCount), byteCount, $"Elements with references must take a multiple of {sizeof(nint)} bytes.");
        }

        int words = 0;
        foreach (int offset in offsets)
        {
            if (offset < 0 || offset % sizeof(nint) != 0 || offset > byteCount - sizeof(nint))
            {
                throw new ArgumentOutOfRangeException(
                    nameof(offsets), offset, $"A reference must lie within the {byteCount} bytes of the block, at a multiple of {sizeof(nint)}.");
            }

            words = Math.Max(words, (offset / sizeof(nint)) + 1);
        }

        SpanClassInfo layout = new() { Form = form, PatternWords = words, ElementBytes = form == TracedForm.Elements ? (uint)byteCount : 0 };
        ulong* all = words > SpanClassInfo.WordsInline ? (ulong*)NativeMemory.AllocZeroed((nuint)((words + 63) / 64), sizeof(ulong)) : null;
        foreach (int offset in offsets)
        {
            int word = offset / sizeof(nint);
            if (all != null)
            {
                all[word / 64] |= 1UL << (word % 64);
            }

            layout.FirstPointers |= word < 64 ? 1UL << word : 0;
        }

        layout.AllPointers = all;
        return new TracedLayout(SpanClasses.AddLayout(layout));
    }
}
