namespace SpanHeap.Traced.Collections;

/// <summary>A text to look up among keys that are strings. No string has to be made for it.</summary>
internal readonly ref struct TextProbe(ReadOnlySpan<byte> utf8) : IProbe<Traced<TracedString>>
{
    private readonly ReadOnlySpan<byte> _text = utf8;

    public uint Hash { get; } = (uint)TracedString.HashOf(utf8);

    public bool Matches(scoped in TracedScope scope, in Traced<TracedString> key) => key.Get(scope).Target.ContentEquals(_text);
}
