using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Compare.AccessPatterns;
using SpanHeap.Perf.Compare.Fleet;
using SpanHeap.Perf.Compare.Workloads;

namespace SpanHeap.Perf.Compare;

/// <summary>Every workload by its name on the command line, where it is from and with how many threads it makes sense.</summary>
internal static class WorkloadCatalog
{
    private static readonly int[] s_one = [1];
    private static readonly int[] s_oneAndTwo = [1, 2];
    // What needs a neighbour.
    private static readonly int[] s_two = [2];

    public static readonly IReadOnlyList<WorkloadEntry> All =
    [
        new("pair-16", "alloc, write, free: a program's shortest path", s_oneAndTwo, threads => new Pair(16, threads)),
        new("pair-32", "as pair-16", s_one, threads => new Pair(32, threads)),
        new("pair-256", "as pair-16", s_one, threads => new Pair(256, threads)),
        new("pair-1024", "as pair-16", s_one, threads => new Pair(1024, threads)),
        new("batch-64", "1000 blocks, freed in order", s_one, _ => new Batch(1000, 64, reverse: false)),
        new("batch-64-reverse", "1000 blocks, freed in reverse", s_one, _ => new Batch(1000, 64, reverse: true)),
        new("batch-256-many", "20,000 blocks, freed in order", s_one, _ => new Batch(20_000, 256, reverse: false)),
        new("random", "10,000 live, 16 to 512 B", s_oneAndTwo, threads => new Replace<EveryLine>(10_000, 300_000, Sizes.Uniform(16, 512), threads)),
        new("random-mixed", "100,000 live, 16 B to 4 KiB, each doubling alike", s_one, _ =>
            new Replace<EveryLine>(100_000, 100_000, Sizes.LogUniform(16, 4096)) { ShowsIdleMemory = true }),
        new("random-8g", "8 GiB live, sizes as random", s_one, _ => new Replace<EveryLine>(32 << 20, 2_000_000, Sizes.Uniform(16, 512)) { IsVast = true })
        {
            OnRequest = true,
        },
        new("zeroed-64", "alloc zeroed, write, free", s_one, _ => new ZeroedPair(64, 1_000_000)),
        new("zeroed-1024", "as zeroed-64", s_one, _ => new ZeroedPair(1024, 400_000)),
        new("zeroed-64k", "as zeroed-64", s_one, _ => new ZeroedPair(64 << 10, 10_000)),
        new("aligned-64", "64 B on cache lines, 32 live", s_one, _ => new Aligned(64, 64, 64)),
        new("aligned-mixed", "200 B at 32 B to 4 KiB in turn, 32 live", s_one, _ => new Aligned(200, 32, 4096)),
        new("medium", "1 to 32 KiB, 1000 live", s_one, _ => new Replace<EveryLine>(1000, 50_000, Sizes.Uniform(1 << 10, 32 << 10))),
        new("large", "64 KiB to 1 MiB, 40 live", s_one, _ =>
            new Replace<EveryPage>(40, 2_000, Sizes.Uniform(64 << 10, 1 << 20)) { ShowsIdleMemory = true }),
        new("zeroed-huge", "mimalloc-bench malloc-large: 5 to 25 MiB", s_one, _ => new ZeroedHuge()),
        new("huge-8", "8 MiB, a byte of each page, freed; by the MiB", s_one, _ => new HugePair(8)) { StandsApart = true },
        new("huge-64", "as huge-8", s_one, _ => new HugePair(64)) { StandsApart = true },
        new("huge-100", "as huge-8", s_one, _ => new HugePair(100)) { StandsApart = true },
        new("huge-300", "as huge-8", s_one, _ => new HugePair(300)) { StandsApart = true },
        new("growth", "one buffer to 1 MiB by a quarter at a time", s_one, _ => new Growth(1, 1 << 20, 50_000)),
        new("growth-many", "200 buffers to 16 KiB side by side", s_one, _ => new Growth(200, 16 << 10, 200_000)),
        new("tiny-numbers", "cfrac-like: numbers of 8 to 48 B, most short-lived", s_one, _ => new TinyNumbers()),
        new("lifo-reverse", "sh6bench-like: groups freed in reverse or in order", s_one, _ => new LifoAndReverse()),
        new("glibc-simple", "glibc bench-malloc-simple", s_one, _ => new GlibcSimple()),
        new("glibc-thread", "glibc bench-malloc-thread: 1024 live, 4 B to 32 KiB", s_oneAndTwo, threads =>
            new Replace<EveryByte>(1024, 400_000, Sizes.InverseSquare(4, 32 << 10), threads)),
        new("alloc-test", "OLogN alloc-test: 262,144 places, Pareto", s_oneAndTwo, threads => new AllocTest(threads)),
        new("larson", "Larson and Krishnan: threads inherit slots from dead ones", s_oneAndTwo, threads => new Larson(threads)) { IsNoisy = true },
        new("mstress", "mimalloc: short threads, words checked, blocks swapped", s_oneAndTwo, threads => new MStress(threads)) { IsNoisy = true },
        new("rptest", "rpmalloc: scattered slots, arrays handed to the neighbour", s_oneAndTwo, threads => new ScatterAndPass(threads)),
        new("xmalloc-test", "all frees by a consumer", s_oneAndTwo, threads => new RemoteFrees(threads)),
        new("cache-scratch", "Hoard: false sharing led to by one thread", s_two, threads => new FalseSharing(threads, fromOneThread: true))
        {
            IsNoisy = true,
        },
        new("cache-thrash", "Hoard: false sharing", s_two, threads => new FalseSharing(threads, fromOneThread: false)) { IsNoisy = true },
        new("mleak", "mimalloc: threads that end", [10], threads => new ThreadExit(threads)) { IsNoisy = true },
        new("owners", "one thread frees for sixteen", [16], threads => new ManyOwners(threads)),
        new("async-hops", "freed on whatever pool thread resumes", s_two, threads => new AsyncHops(threads)),
        new("lifo-handover", "sh8bench-like: half of each group freed by the neighbour", s_two, threads => new LifoHandOver(threads)),
    ];

    /// <summary>The workload of a name or of a file's path, as a child process is told it.</summary>
    public static WorkloadEntry Find(string key)
    {
        if (key.StartsWith(RecordedProgram.Prefix, StringComparison.Ordinal))
        {
            return RecordedProgram.Entry(key[RecordedProgram.Prefix.Length..]);
        }

        return key.StartsWith(FleetFiles.Prefix, StringComparison.Ordinal)
            ? FleetFiles.Entry(key[FleetFiles.Prefix.Length..])
            : All.FirstOrDefault(entry => entry.Name == key) ?? throw new InputException($"'{key}' is not a workload.");
    }

    /// <summary>The workloads whose names fit one of the patterns, such as <c>pair*</c>; without patterns all that are not on request.</summary>
    public static IReadOnlyList<WorkloadEntry> Choose(IReadOnlyList<string>? patterns, IEnumerable<WorkloadEntry> ofFiles)
    {
        WorkloadEntry[] known = [.. All, .. ofFiles];
        if (patterns is null)
        {
            return [.. known.Where(entry => !entry.OnRequest)];
        }

        string advice = known.Any(FleetFiles.IsFleet) ? "" : $" And {FleetFiles.NamePrefix}*: {FleetFiles.Source}.";
        return NamePatterns.Choose(known, static entry => entry.Name, patterns, advice);
    }
}
