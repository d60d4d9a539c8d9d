using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Unicode;

namespace SpanHeap.Traced;

/// <content>Makes strings.</content>
public readonly ref partial struct TracedScope
{
    /// <summary>Makes a string from UTF-8 text.</summary>
    /// <param name="utf8">The text, in UTF-8.</param>
    /// <exception cref="ArgumentException"><paramref name="utf8"/> is not UTF-8. <see cref="NewValues{T}"/> is for any bytes.</exception>
    /// <inheritdoc cref="NewArray{T}" path="/exception[@cref='T:System.OutOfMemoryException']"/>
    [UnscopedRef]
    public TracedRef<TracedString> NewString(ReadOnlySpan<byte> utf8)
    {
        if (!Utf8.IsValid(utf8))
        {
            throw new ArgumentException("The bytes are not UTF-8: use NewValues<byte> to make an array of bytes.", nameof(utf8));
        }

        TracedRef<TracedString> made = TracedString.Make(this, utf8.Length);
        utf8.CopyTo(made.Value.Writable);
        return made;
    }

    /// <summary>Makes a string from UTF-16 text.</summary>
    /// <param name="text">The text. A lone surrogate becomes U+FFFD, as with <see cref="Encoding.UTF8"/>.</param>
    /// <inheritdoc cref="NewArray{T}" path="/exception[@cref='T:System.OutOfMemoryException']"/>
    [UnscopedRef]
    public TracedRef<TracedString> NewString(ReadOnlySpan<char> text)
    {
        TracedRef<TracedString> made = TracedString.Make(this, Encoding.UTF8.GetByteCount(text));
        Encoding.UTF8.GetBytes(text, made.Value.Writable);
        return made;
    }
}
