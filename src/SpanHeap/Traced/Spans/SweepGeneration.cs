using System.Runtime.CompilerServices;

namespace SpanHeap.Traced.Spans;

/// <summary>
/// What a span's generation means, compared with the heap's. The heap's grows by two with each cycle, so that one store makes all spans older. (The
/// protocol of the Go runtime.)
/// </summary>
/// <remarks>
/// <list type="table">
/// <item><term>generation - 2</term><description>Not swept. The thread that changes it to generation - 1 by compare-exchange sweeps
/// it.</description></item>
/// <item><term>generation - 1</term><description>Being swept by one thread, which alone may touch its bits.</description></item>
/// <item><term>generation</term><description>Swept, and in a set or not yet published.</description></item>
/// <item><term>generation + 1</term><description>A cache had it when the cycle began: not swept, and only that cache may sweep
/// it.</description></item>
/// <item><term>generation + 3</term><description>Swept, then given to a cache. After the next cycle began, that reads as generation +
/// 1.</description></item>
/// </list>
/// </remarks>
internal static unsafe class SweepGeneration
{
    /// <summary>A heap's first generation. A record that was never a span has 0, which must not be a state of this cycle or the next.</summary>
    public const uint First = 8;

    /// <summary>The step from one cycle to the next.</summary>
    public const uint Step = 2;

    public static uint Unswept(uint generation) => generation - Step;

    public static uint BeingSwept(uint generation) => generation - 1;

    public static uint StaleCached(uint generation) => generation + 1;

    public static uint Cached(uint generation) => generation + 3;

    /// <summary>The bitmap with the alloc bits of spans swept in a generation; the next cycle marks in the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint AllocBitmap(uint generation) => (generation / Step) & 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint MarkBitmap(uint generation) => AllocBitmap(generation) ^ 1;

    public static uint Of(TracedSpan* span) => Volatile.Read(ref span->SweepGen);
}
