using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Sweeping;

/// <summary>
/// The right to sweep one span, which one thread has at a time. It can only be got by winning the span here, and sweeping needs it. It is a ref
/// struct, so that it is neither kept nor shared.
/// </summary>
internal readonly unsafe ref struct SweepToken
{
    private SweepToken(TracedSpan* span, uint generation)
    {
        Span = span;
        Generation = generation;
    }

    /// <summary>The span; null if the token gives no right.</summary>
    public TracedSpan* Span { get; }

    /// <summary>The heap's generation, which the span will have.</summary>
    public uint Generation { get; }

    public bool IsValid => Span != null;

    /// <summary>Wins an unswept span, unless another thread has won it.</summary>
    public static bool TryAcquire(TracedSpan* span, uint generation, out SweepToken token)
    {
        uint unswept = SweepGeneration.Unswept(generation);
        bool won = SweepGeneration.Of(span) == unswept
            && Interlocked.CompareExchange(ref span->SweepGen, SweepGeneration.BeingSwept(generation), unswept) == unswept;
        token = won ? new SweepToken(span, generation) : default;
        return won;
    }

    /// <summary>Takes the right to sweep a span that the caller's cache had when the cycle began, and that no other thread may sweep.</summary>
    public static SweepToken OfStaleCached(TracedSpan* span, uint generation)
    {
        SweepFault.ThrowUnless(SweepGeneration.Of(span) == SweepGeneration.StaleCached(generation), span, generation, "was cached before the cycle");
        Volatile.Write(ref span->SweepGen, SweepGeneration.BeingSwept(generation));
        return new SweepToken(span, generation);
    }
}
