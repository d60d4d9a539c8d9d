using SpanHeap.Buffers;

namespace SpanHeap.Tests.Ahead;

/// <summary>What programs do with memory that has no pointers.</summary>
internal static class BufferChecks
{
    public static void Buffers_lists_and_writers_hold_what_they_are_given()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Name = "Buffers" });
        using (NativeMemoryPool pool = new(heap))
        using (NativeOwner<byte> owner = pool.Rent(1000))
        using (NativeList<int> list = new(heap))
        using (NativeWriter writer = new(heap))
        {
            owner.Memory.Span.Fill(7);
            for (int i = 0; i < 10_000; i++)
            {
                list.Add(i);
                writer.GetSpan(4)[0] = (byte)i;
                writer.Advance(4);
            }

            Expect.That(owner.Memory.Span.IndexOfAnyExcept((byte)7) < 0 && list[9_999] == 9_999 && writer.WrittenCount == 40_000, "what was written is there");
        }

        Expect.That(heap.GetStatistics().LiveBlocks == 0, "all blocks came back");
    }
}
