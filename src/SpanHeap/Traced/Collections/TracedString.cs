using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using SpanHeap.Traced.Collections;

namespace SpanHeap.Traced;

/// <summary>
/// Immutable UTF-8 text in traced memory, made by <see cref="TracedScope.NewString(ReadOnlySpan{byte})"/>. It is only used through a
/// <see cref="TracedRef{T}"/> or a <see cref="Traced{T}"/>, and never made or copied by value.
/// </summary>
/// <remarks>
/// Use it within a scope; any number of threads may do so concurrently. <c>New&lt;TracedString&gt;</c> also makes an empty string. Strings are
/// compared and hashed by their bytes, regardless of culture.
/// </remarks>
public struct TracedString : ITraced<TracedString>
{
    internal const int HeaderBytes = 8;

    // The bytes follow in memory.
    private int _length;

    // 0 until a thread has asked. Written by the threads that ask, which all find the same number.
#pragma warning disable CS0649 // Written through a reference, by a method that is readonly to its callers.
    private int _hash;
#pragma warning restore CS0649

    static TracedLayout ITraced<TracedString>.Layout => TracedLayout.NoPointers;

    /// <summary>Gets the length of the string in bytes.</summary>
    public readonly int Length => _length;

    /// <summary>Gets the bytes as a span, which is valid until the scope ends or yields.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> Span => MemoryMarshal.CreateReadOnlySpan(ref FirstOf(in this), _length);

    /// <summary>Determines whether another string has the same bytes.</summary>
    /// <param name="other">The other string; if it refers to nothing, the result is false.</param>
    public readonly bool ContentEquals(TracedRef<TracedString> other) => !other.IsNull && ContentEquals(other.Value.Span);

    /// <summary>Determines whether text has the same bytes.</summary>
    /// <param name="utf8">The text, in UTF-8.</param>
    public readonly bool ContentEquals(ReadOnlySpan<byte> utf8) => Span.SequenceEqual(utf8);

    /// <summary>Returns a hash of the bytes, which differs from process to process. It is computed once and kept in the block.</summary>
    public readonly int ContentHash()
    {
        // Readers see no difference except in time, because the hash follows from the bytes. This is sound because a string lies in a block, which
        // is writable.
        ref int known = ref Unsafe.AsRef(in _hash);
        int hash = Volatile.Read(ref known);
        if (hash == 0)
        {
            hash = HashOf(Span);
            Volatile.Write(ref known, hash);
        }

        return hash;
    }

    /// <summary>Makes a string from a part of this one.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="start">The zero-based index of the first byte.</param>
    /// <param name="length">The number of bytes.</param>
    /// <returns>A separate string, which does not keep this one alive.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The range does not lie within the string.</exception>
    /// <exception cref="ArgumentException">The part begins or ends within a character.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended or belongs to another thread.</exception>
    public readonly TracedRef<TracedString> Substring(in TracedScope scope, int start, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, _length - length);
        RequireBoundary(start, nameof(start));
        RequireBoundary(start + length, nameof(length));
        TracedRef<TracedString> part = Make(scope, length);
        Span.Slice(start, length).CopyTo(part.Value.Writable);
        return part;
    }

    /// <summary>Returns the text as a managed string.</summary>
    public override readonly string ToString() => Encoding.UTF8.GetString(Span);

    internal static TracedRef<TracedString> Make(in TracedScope scope, int length)
    {
        TracedRef<TracedString> made = scope.NewBytes(TracedLayout.NoPointers, HeaderBytes + (long)length).As<TracedString>();
        made.Value._length = length;
        return made;
    }

    /// <summary>Hashes text; never 0.</summary>
    internal static int HashOf(ReadOnlySpan<byte> utf8)
    {
        int hash = TextHash.Of(utf8);
        return hash != 0 ? hash : 1;
    }

    // For the code that makes the string, before any other can see it.
    internal Span<byte> Writable
    {
        [UnscopedRef]
        get => MemoryMarshal.CreateSpan(ref FirstOf(in this), _length);
    }

    private static ref byte FirstOf(in TracedString text) =>
        ref Unsafe.As<TracedString, byte>(ref Unsafe.Add(ref Unsafe.AsRef(in text), 1));

    private readonly void RequireBoundary(int index, string parameter)
    {
        // Bytes within a character are 10xxxxxx.
        if (index < _length && (Span[index] & 0xc0) == 0x80)
        {
            throw new ArgumentException($"Byte {index} of the string lies within a character: a part begins and ends between two.", parameter);
        }
    }
}
