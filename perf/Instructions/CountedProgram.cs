using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.CBaseline;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Instructions;

/// <summary>A program that does a number of rounds of a loop with one allocator.</summary>
/// <param name="Name">What the allocator is called in tables.</param>
/// <param name="Path">The executable.</param>
/// <param name="Arguments">What comes before the number of rounds.</param>
internal sealed record CountedProgram(string Name, string Path, string[] Arguments)
{
    // What happens by the clock happens sooner or later in the course of a loop: so nothing goes back to the system while it is counted.
    private static readonly Dictionary<string, string?> s_withoutClocks = new()
    {
        ["SPANHEAP_SCAVENGE_DELAY_MS"] = "-1",
        ["MALLOC_CONF"] = "dirty_decay_ms:-1,muzzy_decay_ms:-1",
        ["MIMALLOC_RESET_DELAY"] = "3600000",
    };

    /// <summary>The allocator that is preloaded; null where there is none to be.</summary>
    public AllocatorEntry? Preloaded { get; init; }

    public IReadOnlyDictionary<string, string?> Environment => new Dictionary<string, string?>(s_withoutClocks)
    {
        [Preloading.Variable] = Preloaded is null ? null : Preloading.ValueFor(Preloaded),
    };

    /// <summary>The counter with an allocator that it knows.</summary>
    public static CountedProgram Managed(string counter, string allocator) => new(allocator, counter, [allocator]);

    /// <summary>The C program with an allocator preloaded.</summary>
    public static CountedProgram InC(CProgram program, AllocatorEntry allocator) => new(allocator.Name, program.Path, ["count"]) { Preloaded = allocator };

    /// <summary>Gets how many pairs of an Alloc and a Free the program says that it has done.</summary>
    /// <exception cref="WorkerException">It had another allocator than it should have had.</exception>
    public double PairsIn(string output)
    {
        Answer answer = WorkerProtocol.Parse<Answer>(output);
        if (Preloaded is not null)
        {
            Preloading.Check(Preloaded, answer.Malloc ?? "");
        }

        return answer.Pairs;
    }

    private sealed record Answer(double Pairs, string? Malloc);
}
