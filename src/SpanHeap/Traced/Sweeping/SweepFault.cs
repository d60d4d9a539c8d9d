using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Sweeping;

/// <summary>Reports what the protocol rules out: the program wrote over the heap's records, or the heap has a bug.</summary>
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

    /// <summary>Makes the exception for a free slot that was written to.</summary>
    public static HeapCorruptionException WrittenAfterDeath(nint slot, uint spanClass, int offset, byte value) => new(
        $"The traced block at 0x{slot:x} ({TracedNames.Of(spanClass)}) was written to after it had died: byte {offset} is 0x{value:x2}. " +
        "The reference was kept from an earlier scope, or is a copy that no collection can see.",
        slot,
        null);

    [DoesNotReturn]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Throw(TracedSpan* span, uint generation, string expected) => throw new HeapCorruptionException(
        $"The traced span at 0x{span->Span.Base:x} should be one that {expected}: its generation is {span->SweepGen}, the heap's {generation}, " +
        $"{span->Allocated} of {span->Span.Slots} slots are allocated.",
        span->Span.Base,
        null);
}
