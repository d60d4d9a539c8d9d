using System.Runtime.InteropServices;
using SpanHeap.Layouts;

namespace SpanHeap;

/// <summary>
/// Which words of a traced block are references to other blocks: registered at run time, by the methods here, and never forgotten. Equal
/// layouts are one; a process may have 4,096, and some 3,900 combinations of layout and size class. Those without references, and arrays of
/// references, can be made whatever else there is.
/// </summary>
/// <remarks>Thread safe. Layouts belong to no heap.</remarks>
public readonly unsafe struct TracedLayout : IEquatable<TracedLayout>
{
    // One more than the number, so that a default value is none.
    private readonly int _number;

    private TracedLayout(int number) => _number = number + 1;

    /// <summary>Blocks without references: marked, never looked into.</summary>
    public static TracedLayout NoPointers { get; } = new(TracedKinds.NoPointers);

    /// <summary>Arrays whose elements are all references.</summary>
    public static TracedLayout References { get; } = new(TracedKinds.References);

    /// <summary>Blocks without references that live as a <see cref="MarkSession"/> says, and until there is one.</summary>
    internal static TracedLayout Collectable { get; } = new(TracedKinds.Collectable);

    internal int Number => _number - 1;

    /// <summary>Blocks with references at these offsets.</summary>
    /// <param name="byteCount">Bytes of a block.</param>
    /// <param name="offsets">Where in a block its references lie, in bytes: multiples of 8.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// An offset is no multiple of 8, or a reference there would not lie within the block; or <paramref name="byteCount"/> is negative.
    /// </exception>
    /// <exception cref="InvalidOperationException">The process has registered too many layouts.</exception>
    public static TracedLayout OfFields(int byteCount, params ReadOnlySpan<int> offsets) =>
        offsets.IsEmpty ? NoPointers : Add(TracedForm.Fields, byteCount, offsets);

    /// <summary>
    /// Arrays of elements with references at these offsets of each, for <see cref="GcScope.NewElements(TracedLayout, long)"/>: blocks that
    /// begin with the number of elements, in 8 bytes. (<see cref="GcScope.NewElements{T}"/> needs only the layout of its elements.)
    /// </summary>
    /// <param name="byteCount">Bytes from one element to the next: a multiple of 8, where there are references.</param>
    /// <param name="offsets">Where in an element its references lie, in bytes: multiples of 8.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// An offset or <paramref name="byteCount"/> is no multiple of 8, or a reference would not lie within the element.
    /// </exception>
    /// <exception cref="InvalidOperationException">The process has registered too many layouts.</exception>
    public static TracedLayout OfElements(int byteCount, params ReadOnlySpan<int> offsets) =>
        offsets.IsEmpty ? NoPointers : Add(TracedForm.Elements, byteCount, offsets);

    /// <summary>Blocks whose references a function of the program finds: for what only the block itself says, as tags or lengths within.</summary>
    /// <param name="trace">
    /// Is given a block and visits each reference in it. Collections call it, any number of times, on several threads at once, while no
    /// thread is in a scope. It reads the block and nothing else that is traced; it must be content with a block that is still all zero;
    /// it enters no scope and collects nothing. What it throws ends the collection, and comes out of the call that collected, as the inner
    /// exception of an <see cref="InvalidOperationException"/>.
    /// </param>
    /// <exception cref="ArgumentNullException"><paramref name="trace"/> is null.</exception>
    /// <exception cref="InvalidOperationException">The process has registered too many layouts.</exception>
    public static TracedLayout Custom(delegate*<nint, TraceContext, void> trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        return new TracedLayout(TracedKinds.AddLayout(new TracedKind { Form = TracedForm.Custom, Trace = (nint)trace }));
    }

    /// <inheritdoc/>
    public bool Equals(TracedLayout other) => _number == other._number;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is TracedLayout other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _number;

    /// <summary>Whether both are the same layout.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator ==(TracedLayout left, TracedLayout right) => left.Equals(right);

    /// <summary>Whether they are not the same layout.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator !=(TracedLayout left, TracedLayout right) => !left.Equals(right);

    private static TracedLayout Add(TracedForm form, int byteCount, ReadOnlySpan<int> offsets)
    {
        // Before the subtraction below, which overflows for the least of them.
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

        TracedKind layout = new() { Form = form, PatternWords = words, ElementBytes = form == TracedForm.Elements ? (uint)byteCount : 0 };
        ulong* all = words > TracedKind.WordsInline ? (ulong*)NativeMemory.AllocZeroed((nuint)((words + 63) / 64), sizeof(ulong)) : null;
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
        return new TracedLayout(TracedKinds.AddLayout(layout));
    }
}
