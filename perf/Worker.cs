using System.Globalization;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Allocators.Peers;
using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Compare.Workers;
using SpanHeap.Perf.Endurance;
using SpanHeap.Perf.FastPath;
using SpanHeap.Perf.Guard;
using SpanHeap.Perf.Recordings;
using SpanHeap.Perf.Replay;
using SpanHeap.Perf.Traced.Details;
using SpanHeap.Perf.Traced.Latency;
using SpanHeap.Perf.Traced.Workers;

namespace SpanHeap.Perf;

/// <summary>The side of this program that runs in a child process and measures one allocator or is compiled to be looked at.</summary>
internal static class Worker
{
    public static int Run(string[] args) => args switch
    {
        ["probe", var allocator] => AllocatorCatalog.Find(allocator).IsLoadable() ? 0 : 1,
        [PeerTrial.Verb, var library] => PeerTrial.Run(library),
        ["warm", var allocator, var trace] => AllocatorCatalog.Find(allocator).Accept(new WarmWorker(trace)),
        ["cold", var allocator, var trace] => AllocatorCatalog.Find(allocator).Accept(new ColdWorker(trace)),
        ["peak", var allocator, var trace] => AllocatorCatalog.Find(allocator).Accept(new PeakWorker(trace)),
        [WarmWorkload.Verb, var allocator, var workload, var threads] =>
            AllocatorCatalog.Find(allocator).Accept(new WarmWorkload(workload, threads)),
        [ColdWorkload.Verb, var allocator, var workload, var threads] =>
            AllocatorCatalog.Find(allocator).Accept(new ColdWorkload(workload, threads)),
        [MemoryWorkload.Verb, var allocator, var workload, var threads] =>
            AllocatorCatalog.Find(allocator).Accept(new MemoryWorkload(workload, threads)),
        ["endurance", var allocator, var scenario, var blocks] =>
            AllocatorCatalog.Find(allocator).Accept(new EnduranceWorker(scenario, blocks)),
        [TracedWorker.Verb, var allocator, var workload] => TracedWorker.Run(allocator, workload),
        [LatencyWorker.Verb, var contender, var threads, var live, var seconds] => LatencyWorker.Run(contender, threads, live, seconds),
        [DetailWorker.Verb, var detail] => DetailWorker.Run(detail),
        [GuardPairs.Verb, var pairs, var budget] =>
            GuardPairs.Run(long.Parse(pairs, CultureInfo.InvariantCulture), nuint.Parse(budget, CultureInfo.InvariantCulture)),
        [GuardLive.Verb, var blocks] => GuardLive.Run(long.Parse(blocks, CultureInfo.InvariantCulture)),
        [BusyWorker.Verb] => AllocatorCatalog.Find(AllocatorCatalog.SpanHeap).Accept(new BusyWorker()),
        [FastPathWorker.Verb] => FastPathWorker.Run(),
        [ZstdWorker.Verb, var packed] => ZstdWorker.Run(packed),
        _ => throw new InputException("A worker is started by this program, not by hand."),
    };
}
