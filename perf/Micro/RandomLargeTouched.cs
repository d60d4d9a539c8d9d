namespace SpanHeap.Perf.Micro;

/// <inheritdoc cref="RandomLarge"/>
/// <remarks>One byte of each page is written.</remarks>
public class RandomLargeTouched : RandomLarge
{
    private protected override void Loop<T>() => Replace<T>(touch: true);
}
