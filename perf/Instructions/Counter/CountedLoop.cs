using System.Globalization;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Instructions.Counter;

/// <summary>A loop over Alloc and Free. <c>CBaseline/loops.c</c> has the same loops under the same names, and says what each does.</summary>
internal abstract class CountedLoop
{
    /// <summary>How many pairs of an Alloc and a Free a round has, or how many steps of growth.</summary>
    public abstract double PairsPerRound { get; }

    /// <summary>Does so many rounds. Returns 0 if all blocks held what had been written to them.</summary>
    public abstract uint Run<T>(long rounds) where T : struct, IAllocator<T>, allows ref struct;

    /// <summary>Gets the loop that words such as <c>batch 1000 64</c> name.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static CountedLoop Find(string[] words) => words switch
    {
        ["pair", var size] => new PairLoop(Number(size)),
        ["batch", var count, var size] => new BatchLoop((int)Number(count), Number(size)),
        ["replace", var live, var min, var max] => new ReplaceLoop(Number(live), Number(min), Number(max)),
        ["zeroed", var size] => new ZeroedLoop(Number(size)),
        ["aligned", var size] => new AlignedLoop(Number(size)),
        ["growth", var last] => new GrowthLoop(Number(last)),
        ["hand-over", var count, var size] => new HandOverLoop((int)Number(count), Number(size)),
        ["trace", var file] => new TraceLoop(file),
        _ => throw new ArgumentException($"'{string.Join(' ', words)}' is not a loop."),
    };

    private static uint Number(string text) => uint.Parse(text, CultureInfo.InvariantCulture);
}
