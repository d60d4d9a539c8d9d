using System.Runtime.CompilerServices;

namespace SpanHeap.Contract;

/// <summary>
/// The message of an error, which is put together only if there is an error: a walk checks thousands of things that are as they should be.
/// </summary>
[InterpolatedStringHandler]
internal ref struct LazyMessage
{
    private DefaultInterpolatedStringHandler _text;

    /// <param name="literalLength">Supplied by the compiler.</param>
    /// <param name="formattedCount">Supplied by the compiler.</param>
    /// <param name="holds">Whether the condition that is checked holds.</param>
    /// <param name="isWanted">Whether the text is wanted; if not, no part of it is evaluated.</param>
    public LazyMessage(int literalLength, int formattedCount, bool holds, out bool isWanted)
    {
        isWanted = !holds;
        _text = isWanted ? new DefaultInterpolatedStringHandler(literalLength, formattedCount) : default;
    }

    public void AppendLiteral(string text) => _text.AppendLiteral(text);

    public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string format) => _text.AppendFormatted(value, format);

    public string Take() => _text.ToStringAndClear();
}
