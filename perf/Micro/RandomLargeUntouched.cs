namespace SpanHeap.Perf.Micro;

/// <inheritdoc cref="RandomLarge"/>
/// <remarks>The blocks are not written to.</remarks>
public class RandomLargeUntouched : RandomLarge
{
    private protected override void Loop<T>() => Replace<T>(touch: false);
}
