using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Guard;

/// <summary>Many guarded blocks that live at once.</summary>
internal sealed record GuardLiveResult(long Blocks, long? ResidentBytes, long? PageTableBytes, long Mappings, long MetadataBytes, GuardStatistics Statistics);

/// <summary>The child process that has the given number of guarded blocks of 100 bytes, all written to, alive at once.</summary>
internal static unsafe class GuardLive
{
    public const string Verb = "guard-live";

    private const int BlockBytes = 100;

    public static int Run(long blocks)
    {
        long? before = ProcessMemory.Resident;
        using NativeHeap heap = new(new NativeHeapOptions { Guard = { Mode = GuardMode.All } });
        nint[] live = new nint[blocks];
        for (long i = 0; i < blocks; i++)
        {
            live[i] = (nint)heap.Alloc(BlockBytes);
            *(byte*)live[i] = 1;
        }

        HeapStatistics statistics = heap.GetStatistics();
        WorkerProtocol.Send(new GuardLiveResult(
            blocks, ProcessMemory.Resident - before, ProcessMemory.PageTables, GuardPairs.CountMappings(), statistics.MetadataBytes, statistics.Guard));
        return 0;
    }
}
