namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>Sizes that are chosen before the clock runs, so that choosing them is not measured.</summary>
internal static class SizeTable
{
    private const int Seed = 1;

    public static uint[] Make(int count, SizeDistribution distribution)
    {
        uint[] sizes = GC.AllocateUninitializedArray<uint>(count, pinned: true);
        var random = new Random(Seed);
        foreach (ref uint size in sizes.AsSpan())
        {
            size = distribution(random);
        }

        return sizes;
    }
}
