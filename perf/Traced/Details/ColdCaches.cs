namespace SpanHeap.Perf.Traced.Details;

/// <summary>Puts other things into the processor's caches.</summary>
internal static class ColdCaches
{
    // Larger than the last level of most processors.
    private static readonly byte[] s_other = new byte[128 << 20];

    public static void Make() => s_other.AsSpan().Fill(1);
}
