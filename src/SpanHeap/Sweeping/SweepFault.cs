using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using SpanHeap.Layouts;
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

    /// <summary>A slot was free, and somebody wrote to it.</summary>
    public static HeapCorruptionException WrittenAfterDeath(nint slot, uint kind, int offset, byte value) => new(
        $"The traced block at 0x{slot:x} ({TracedNames.Of(kind)}) was written to after it had died: byte {offset} is 0x{value:x2}. " +
        "The reference was kept from an earlier scope, or is a copy that no collection knows of.",
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
