using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace SpanHeap;

/// <summary>Sizes and alignments as callers give them.</summary>
internal static class ByteCount
{
    // To the letter what NativeMemory says, which names no parameter.
    private const string NotPowerOfTwo = "The alignment must be a power of two.";

    /// <summary>A product of sizes; one that overflows is the largest size, which no heap has.</summary>
    public static nuint Of(nuint elementCount, nuint elementSize)
    {
        UInt128 product = (UInt128)elementCount * elementSize;
        return product > nuint.MaxValue ? nuint.MaxValue : (nuint)product;
    }

    /// <exception cref="ArgumentException">The alignment is not a power of two.</exception>
    public static void RequirePowerOfTwo(nuint alignment)
    {
        if (!BitOperations.IsPow2(alignment))
        {
            Throw();
        }

        [DoesNotReturn]
        static void Throw() => throw new ArgumentException(NotPowerOfTwo);
    }
}
