using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using SpanHeap.Collections;

namespace SpanHeap;

/// <summary>
/// UTF-8 text in traced memory, which never changes: what a <see cref="GcRef{T}"/> or a <see cref="Gc{T}"/> of it refers to. Made by
/// <see cref="GcScope.NewString(ReadOnlySpan{byte})"/>, never made or copied as a value.
/// </summary>
/// <remarks>
/// Used within a scope, by any threads at the same time. <c>New&lt;TracedString&gt;</c> makes an empty one, too. Compared and hashed by its
/// bytes, in which no culture has a say.
/// </remarks>
public struct TracedString : ITraced<TracedString>
{
    internal const int HeaderBytes = 8;

    // The bytes follow in memory.
    private int _length;

    // 0 until somebody has asked. Written by whoever does; all who do at the same time find the same number.
#pragma warning disable CS0649 // Written through a reference, by a method that is readonly to its callers.
    private int _hash;
#pragma warning restore CS0649

    static TracedLayout ITraced<TracedString>.Layout => TracedLayout.NoPointers;

    /// <summary>How many bytes it has.</summary>
    public readonly int Length => _length;

    /// <summary>The bytes: good until the scope ends, or yields.</summary>
    [UnscopedRef]
    public readonly ReadOnlySpan<byte> Span => MemoryMarshal.CreateReadOnlySpan(ref FirstOf(in this), _length);

    /// <summary>Whether a string has the same bytes.</summary>
    /// <param name="other">The string; one that is none has not.</param>
    public readonly bool ContentEquals(GcRef<TracedString> other) => !other.IsNull && ContentEquals(other.Value.Span);

    /// <summary>Whether text has the same bytes.</summary>
    /// <param name="utf8">The text.</param>
    public readonly bool ContentEquals(ReadOnlySpan<byte> utf8) => Span.SequenceEqual(utf8);

    /// <summary>A number that strings of the same bytes have in common; another in each process. Found once, and kept in the block.</summary>
    public readonly int ContentHash()
    {
        // No reader sees a difference but in time: the number follows from the bytes. Sound, as a string lies in a block, which can be written.
        ref int known = ref Unsafe.AsRef(in _hash);
        int hash = Volatile.Read(ref known);
        if (hash == 0)
        {
            hash = HashOf(Span);
            Volatile.Write(ref known, hash);
        }

        return hash;
    }

    /// <summary>Makes a string of a part of this one.</summary>
    /// <param name="scope">The calling thread's scope.</param>
    /// <param name="start">The first byte, from 0.</param>
    /// <param name="length">How many bytes.</param>
    /// <returns>A string of its own, which does not keep this one.</returns>
    /// <exception cref="ArgumentOutOfRangeException">They are not all there.</exception>
    /// <exception cref="ArgumentException">The part begins or ends within a character.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory, or the heap is at its limit.</exception>
    /// <exception cref="InvalidOperationException">With full checks: the scope has ended, or is another thread's.</exception>
    public readonly GcRef<TracedString> Substring(in GcScope scope, int start, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start, _length - length);
        RequireBoundary(start, nameof(start));
        RequireBoundary(start + length, nameof(length));
        GcRef<TracedString> part = Make(scope, length);
        Span.Slice(start, length).CopyTo(part.Value.Writable);
        return part;
    }

    /// <summary>The text as a managed string.</summary>
    public override readonly string ToString() => Encoding.UTF8.GetString(Span);

    internal static GcRef<TracedString> Make(in GcScope scope, int length)
    {
        GcRef<TracedString> made = scope.NewBytes(TracedLayout.NoPointers, HeaderBytes + (long)length).As<TracedString>();
        made.Value._length = length;
        return made;
    }

    /// <summary>The hash of text; never 0.</summary>
    internal static int HashOf(ReadOnlySpan<byte> utf8)
    {
        int hash = TextHash.Of(utf8);
        return hash != 0 ? hash : 1;
    }

    // For who makes it, before anybody else sees it.
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
