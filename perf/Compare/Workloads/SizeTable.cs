namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>Sizes drawn before the clock runs, so that drawing them is in nobody's time.</summary>
internal static class SizeTable
{
    private const int Seed = 1;

    public static uint[] Draw(int count, SizeDraw draw)
    {
        uint[] sizes = GC.AllocateUninitializedArray<uint>(count, pinned: true);
        var random = new Random(Seed);
        foreach (ref uint size in sizes.AsSpan())
            size = draw(random);
        return sizes;
    }
}
