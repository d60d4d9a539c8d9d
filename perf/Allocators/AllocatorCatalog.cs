using SpanHeap.Perf.Allocators.Limit;
using SpanHeap.Perf.Allocators.Peers;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Allocators;

/// <summary>Every allocator by its name on the command line.</summary>
internal static class AllocatorCatalog
{
    public const string SpanHeap = "spanheap";
    public const string System = "system";

    // Made on demand: a process that measures one allocator loads no type of another.
    private static readonly Dictionary<string, Func<AllocatorEntry>> s_entries = new()
    {
        [SpanHeap] = () => new AllocatorEntry<SpanHeapAllocator>(SpanHeap),
        ["spanheap-local"] = () => new AllocatorEntry<SpanHeapLocalAllocator>("spanheap-local"),
        [System] = () => new AllocatorEntry<SystemAllocator>(System) { IsPeer = true },
        ["mimalloc"] = () => new AllocatorEntry<MimallocAllocator>("mimalloc")
        {
            IsPeer = true,
            Library = MimallocAllocator.Library,
            Package = "libmimalloc2.0",
        },
        ["jemalloc"] = () => new AllocatorEntry<JemallocAllocator>("jemalloc")
        {
            IsPeer = true,
            Library = JemallocAllocator.Library,
            Package = "libjemalloc2",
            // It keeps a few KiB of thread state in static TLS, more than glibc leaves to libraries loaded late.
            Environment = [("GLIBC_TUNABLES", "glibc.rtld.optional_static_tls=16384")],
        },
        ["tcmalloc"] = () => new AllocatorEntry<TcmallocAllocator>("tcmalloc")
        {
            IsPeer = true,
            Library = TcmallocAllocator.Library,
            Package = "libtcmalloc-minimal4",
        },
        ["dotnet-gc"] = () => new ArrayEntry<GarbageCollectedArrays>("dotnet-gc"),
        ["arraypool"] = () => new ArrayEntry<PooledArrays>("arraypool"),
        ["limit"] = () => new AllocatorEntry<LimitAllocator>("limit") { IsLimit = true },
    };

    /// <summary>All names, in the order in which tables show them.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. s_entries.Keys];

    /// <summary>The allocator of a name, or of a key as a child process is told it.</summary>
    public static AllocatorEntry Find(string key) => PeerEntry.IsKey(key) ? PeerEntry.Parse(key) : Named(key);

    /// <summary>The named allocators that can be loaded here, and all peers; says of the others how to get them.</summary>
    public static IReadOnlyList<AllocatorEntry> Choose(IReadOnlyList<string>? names, IReadOnlyList<PeerEntry> peers)
    {
        IReadOnlyList<AllocatorEntry> chosen = ChooseForComparison(names ?? [SpanHeap, System], peers);
        return chosen.FirstOrDefault(entry => entry.IsArrays || entry.IsLimit) is { } unfit
            ? throw new InputException($"'{unfit.Name}' can only be measured by compare.")
            : chosen;
    }

    /// <summary>The same with those that only a comparison knows what to do with.</summary>
    public static IReadOnlyList<AllocatorEntry> ChooseForComparison(IReadOnlyList<string> names, IReadOnlyList<PeerEntry> peers)
    {
        List<AllocatorEntry> chosen = [];
        foreach (AllocatorEntry entry in names.Concat(peers.Select(peer => peer.Name)).Distinct().Select(NamedOrGiven))
        {
            // What the command line gives has been tried by now.
            if (entry.Library is null || entry.Package is null || WorkerProcess.Succeeds(["probe", entry.Name], entry.Environment))
            {
                chosen.Add(entry);
            }
            else
            {
                Console.Error.WriteLine($"{entry.Name} is skipped: {entry.Library} is not installed. On Debian: apt-get install {entry.Package}");
            }
        }

        return chosen.Count > 0 ? chosen : throw new InputException("No allocator to measure.");

        AllocatorEntry NamedOrGiven(string name) => peers.FirstOrDefault(peer => peer.Name == name) ?? Named(name);
    }

    private static AllocatorEntry Named(string name) => s_entries.TryGetValue(name, out Func<AllocatorEntry>? make)
        ? make()
        : throw new InputException($"'{name}' is not an allocator. Known: {string.Join(", ", s_entries.Keys)}, and what {PeerEntry.Option} adds.");
}
