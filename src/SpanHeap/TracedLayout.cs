using System.Runtime.InteropServices;
using SpanHeap.Layouts;

namespace SpanHeap;

/// <summary>
/// Which words of a traced block are pointers to other blocks. Registered once in a process and never forgotten; equal layouts are one.
/// </summary>
internal readonly unsafe struct TracedLayout : IEquatable<TracedLayout>
{
    // One more than the number, so that a default value is none.
    private readonly int _number;

    private TracedLayout(int number) => _number = number + 1;

    /// <summary>Blocks without pointers: marked, never looked into.</summary>
    public static TracedLayout NoPointers { get; } = new(TracedKinds.AddLayout(new TracedKind { Form = TracedForm.NoPointers }));

    /// <summary>Arrays whose elements are all references.</summary>
    public static TracedLayout References { get; } =
        new(TracedKinds.AddLayout(new TracedKind { Form = TracedForm.References, ElementBytes = (uint)sizeof(nint) }));

    internal int Number => _number - 1;

    /// <summary>Blocks with references at these offsets.</summary>
    /// <param name="byteCount">Bytes of a block.</param>
    /// <param name="offsets">Where in a block its references lie, in bytes: multiples of 8.</param>
    /// <exception cref="ArgumentOutOfRangeException">An offset is no multiple of 8, or a reference there would not lie within the block.</exception>
    /// <exception cref="InvalidOperationException">The process has registered too many layouts.</exception>
    public static TracedLayout OfFields(int byteCount, params ReadOnlySpan<int> offsets) =>
        offsets.IsEmpty ? NoPointers : Add(TracedForm.Fields, byteCount, offsets);

    /// <summary>Arrays of elements with references at these offsets of each.</summary>
    /// <inheritdoc cref="OfFields"/>
    public static TracedLayout OfElements(int byteCount, params ReadOnlySpan<int> offsets) =>
        offsets.IsEmpty ? NoPointers : Add(TracedForm.Elements, byteCount, offsets);

    /// <inheritdoc/>
    public bool Equals(TracedLayout other) => _number == other._number;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is TracedLayout other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _number;

    /// <summary>Whether both are the same layout.</summary>
    public static bool operator ==(TracedLayout left, TracedLayout right) => left.Equals(right);

    /// <summary>Whether they are not the same layout.</summary>
    public static bool operator !=(TracedLayout left, TracedLayout right) => !left.Equals(right);

    private static TracedLayout Add(TracedForm form, int byteCount, ReadOnlySpan<int> offsets)
    {
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
