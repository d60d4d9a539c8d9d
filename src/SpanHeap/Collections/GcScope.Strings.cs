using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;

namespace SpanHeap;

/// <summary>Making strings.</summary>
public readonly ref partial struct GcScope
{
    /// <summary>Makes a string.</summary>
    /// <param name="utf8">The text, in UTF-8.</param>
    /// <exception cref="ArgumentException"><paramref name="utf8"/> is not UTF-8. <see cref="NewValues{T}"/> is for any bytes.</exception>
    /// <inheritdoc cref="NewArray{T}" path="/exception[@cref='T:System.OutOfMemoryException']"/>
    [UnscopedRef]
    public GcRef<TracedString> NewString(ReadOnlySpan<byte> utf8)
    {
        if (!Utf8.IsValid(utf8))
        {
            throw new ArgumentException("The bytes are not UTF-8: make an array of bytes of them, with NewValues<byte>.", nameof(utf8));
        }

        GcRef<TracedString> made = TracedString.Make(this, utf8.Length);
        utf8.CopyTo(made.Value.Writable);
        return made;
    }

    /// <summary>Makes a string.</summary>
    /// <param name="text">The text. Half a surrogate pair becomes U+FFFD, as <see cref="Encoding.UTF8"/> has it.</param>
    /// <inheritdoc cref="NewArray{T}" path="/exception[@cref='T:System.OutOfMemoryException']"/>
    [UnscopedRef]
    public GcRef<TracedString> NewString(ReadOnlySpan<char> text)
    {
        GcRef<TracedString> made = TracedString.Make(this, Encoding.UTF8.GetByteCount(text));
        Encoding.UTF8.GetBytes(text, made.Value.Writable);
        return made;
    }
}
