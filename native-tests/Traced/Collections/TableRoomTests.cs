using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collections;

[Collection(WholeProcess.Name)]
public sealed class TableRoomTests
{
    [LinuxFact]
    [Unguarded("guarded blocks take pages of their own")]
    public void Room_for_entries_that_do_not_come_takes_no_memory()
    {
        // Buckets alone are 32 MiB.
        const int Entries = 8 << 20;
        using TracedHeap heap = TracedHeaps.Still();
        using TracedScope scope = heap.Enter();
        ref TracedDictionary<long, long> dictionary = ref scope.New<TracedDictionary<long, long>>().Value;
        dictionary.Add(scope, 1, 2);
        long before = StressMemory.Resident();
        dictionary.EnsureCapacity(scope, Entries);
        Assert.InRange(StressMemory.Resident() - before, long.MinValue, 16 * StressMemory.MiB);
        Assert.Equal(2, dictionary.Get(scope, 1));
    }
}
