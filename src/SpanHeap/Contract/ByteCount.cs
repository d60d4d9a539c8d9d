using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace SpanHeap.Contract;

/// <summary>Computes and checks sizes and alignments that callers pass.</summary>
internal static class ByteCount
{
    // The same words as NativeMemory's exception, which names no parameter either.
    private const string NotPowerOfTwo = "The alignment must be a power of two.";

    /// <summary>The product of two sizes. A product that overflows becomes the largest size, which no heap can provide.</summary>
    /// <remarks>Inlined without a call for factors of 32 bits, so that with constants the product, and with it the size class, is a constant too.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nuint Of(nuint elementCount, nuint elementSize) =>
        (elementCount | elementSize) <= uint.MaxValue ? elementCount * elementSize : OfLarge(elementCount, elementSize);

    /// <summary>The same for a number of elements that must not be negative. Two factors of 31 bits cannot overflow a size of 64.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative.</exception>
    public static nuint OfCount(int count, int elementSize, [CallerArgumentExpression(nameof(count))] string? name = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count, name);
        return (nuint)count * (nuint)elementSize;
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

    private static nuint OfLarge(nuint elementCount, nuint elementSize)
    {
        UInt128 product = (UInt128)elementCount * elementSize;
        return product > nuint.MaxValue ? nuint.MaxValue : (nuint)product;
    }
}
