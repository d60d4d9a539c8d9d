using System.Globalization;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Instructions.Counter;

/// <summary>
/// <c>ALLOCATOR ROUNDS LOOP...</c> does so many rounds of a loop, to be counted from outside, and says in a line of JSON how many pairs
/// of an Alloc and a Free those were. <see cref="CountedLoop"/> lists the loops.
/// </summary>
/// <remarks>Exit codes: 0 done, 1 a block did not hold what was written to it, 2 a wrong argument.</remarks>
internal static class CounterProgram
{
    public static int Run(string[] args)
    {
        try
        {
            return args switch
            {
                ["spanheap", var rounds, .. var loop] => Count<SpanHeapAllocator>(rounds, loop),
                ["spanheap-local", var rounds, .. var loop] => Count<SpanHeapLocalAllocator>(rounds, loop),
                ["empty", var rounds, .. var loop] => Count<EmptyAllocator>(rounds, loop),
                _ => throw new ArgumentException("usage: spanheap|spanheap-local|empty ROUNDS LOOP..."),
            };
        }
        catch (Exception wrong) when (wrong is ArgumentException or FormatException or IOException)
        {
            Console.Error.WriteLine(wrong.Message);
            return 2;
        }
    }

    private static int Count<T>(string text, string[] words) where T : struct, IAllocator<T>, allows ref struct
    {
        long rounds = long.Parse(text, CultureInfo.InvariantCulture);
        CountedLoop loop = CountedLoop.Find(words);
        uint difference = loop.Run<T>(rounds);

        // All blocks of the empty allocator are one.
        if (difference != 0 && typeof(T) != typeof(EmptyAllocator))
        {
            Console.Error.WriteLine($"{string.Join(' ', words)}: a block did not hold what was written to it.");
            return 1;
        }

        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{{\"Pairs\":{loop.PairsPerRound * rounds}}}"));
        return 0;
    }
}
