using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Spans;

namespace SpanHeap.Sweeping;

/// <summary>What the protocol rules out has happened: a program wrote over the heap's records, or the heap is wrong.</summary>
internal static unsafe class SweepFault
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ThrowUnless(bool holds, TracedSpan* span, uint generation, string expected)
    {
        if (!holds)
        {
            Throw(span, generation, expected);
        }
    }

    [DoesNotReturn]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Throw(TracedSpan* span, uint generation, string expected) => throw new HeapCorruptionException(
        $"The traced span at 0x{span->Span.Base:x} should be one that {expected}: its generation is {span->SweepGen}, the heap's {generation}, " +
        $"{span->Allocated} of {span->Span.Slots} slots are allocated.",
        span->Span.Base,
        null);
}
