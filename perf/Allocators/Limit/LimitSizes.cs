using System.Numerics;
using System.Runtime.CompilerServices;

namespace SpanHeap.Perf.Allocators.Limit;

/// <summary>Size classes that can be computed without a table: multiples of 16 up to 1 KiB, then four per doubling.</summary>
internal static class LimitSizes
{
    public const uint MaxSize = 1 << 20;

    /// <summary>How many classes there are.</summary>
    public const int Count = LastFineClass + 1 + (StepsPerDoubling * (MaxSizeLog - FineMaxLog));

    private const int MaxSizeLog = 20;
    private const int FineMaxLog = 10;
    private const int FineMax = 1 << FineMaxLog;
    private const int FineStepLog = 4;
    private const int LastFineClass = FineMax >> FineStepLog;
    private const int StepsLog = 2;
    private const int StepsPerDoubling = 1 << StepsLog;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint ClassOf(nuint size) =>
        size <= FineMax ? (uint)(size + ((1 << FineStepLog) - 1)) >> FineStepLog : CoarseClassOf(size - 1);

    public static nuint SizeOf(uint sizeClass)
    {
        if (sizeClass <= LastFineClass)
        {
            return Math.Max(1, sizeClass) << FineStepLog;
        }

        uint step = sizeClass - LastFineClass - 1;
        return (nuint)(StepsPerDoubling + 1 + (step % StepsPerDoubling)) << (int)(FineMaxLog - StepsLog + (step / StepsPerDoubling));
    }

    private static uint CoarseClassOf(nuint last)
    {
        if (last >= MaxSize)
        {
            throw new NotSupportedException($"The limit has no blocks over {MaxSize} bytes.");
        }

        int log = BitOperations.Log2((uint)last);
        uint step = ((uint)last >> (log - StepsLog)) - StepsPerDoubling;
        return LastFineClass + 1 + ((uint)(log - FineMaxLog) << StepsLog) + step;
    }
}
