using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>The blocks of <see cref="MStress"/>: words that count down, so that each says how many follow.</summary>
internal static unsafe class StressItems
{
    private const ulong Cookie = 0x00BF58476D1CE4E5;

    private const uint Most = 64 * 10_000;

    /// <summary>
    /// A filled block of the given number of words; one in a hundred is a hundred times as long, few of those a thousand or ten thousand times.
    /// </summary>
    public static nuint Alloc<T>(T allocator, uint count, ref SplitMix random) where T : struct, IAllocator<T>, allows ref struct
    {
        if (random.Chance(1))
        {
            count *= random.Chance(1) ? 10_000u : random.Chance(10) ? 1_000u : 100u;
        }

        ulong* items = (ulong*)allocator.Alloc(count * (nuint)sizeof(ulong));
        for (uint i = 0; i < count; i++)
        {
            items[i] = (count - i) ^ Cookie;
        }

        return (nuint)items;
    }

    /// <summary>Checks every word and frees; 1 if one was wrong.</summary>
    public static int Free<T>(T allocator, nuint block) where T : struct, IAllocator<T>, allows ref struct
    {
        if (block == 0)
        {
            return 0;
        }

        ulong* items = (ulong*)block;
        ulong count = *items ^ Cookie;
        // What is no count must not be taken for one: the block ends somewhere.
        bool wrong = count is 0 or > Most;
        for (ulong i = 0; i < count && !wrong; i++)
        {
            wrong = items[i] != ((count - i) ^ Cookie);
        }
        // A block handed out twice has the same words twice; the second to free it finds this instead.
        *items = 0;
        allocator.Free(items);
        return wrong ? 1 : 0;
    }
}
