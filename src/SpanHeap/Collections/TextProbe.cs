namespace SpanHeap.Collections;

/// <summary>A key that is text, compared by its bytes.</summary>
internal readonly ref struct TextProbe : IProbe<Gc<TracedString>>
{
    private readonly ReadOnlySpan<byte> _text;

    public TextProbe(ReadOnlySpan<byte> utf8)
    {
        _text = utf8;
        Hash = (uint)TracedString.HashOf(utf8);
    }

    /// <exception cref="ArgumentNullException">The string is none.</exception>
    public TextProbe(GcRef<TracedString> key)
    {
        if (key.IsNull)
        {
            CollectionThrowHelper.NullKey();
        }

        _text = key.Value.Span;
        Hash = (uint)key.Target.ContentHash();
    }

    public uint Hash { get; }

    public override string ToString() => System.Text.Encoding.UTF8.GetString(_text);

    public bool Matches(scoped in GcScope scope, in Gc<TracedString> key) => key.Get(scope).Target.ContentEquals(_text);
}
