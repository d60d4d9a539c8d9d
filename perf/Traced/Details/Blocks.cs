using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Traced;

namespace SpanHeap.Perf.Traced.Details;

/// <summary>16 bytes without references.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal struct Block : ITraced<Block>
{
    public long First;

    public static TracedLayout Layout => TracedLayout.NoPointers;
}

/// <summary>Makes many of them.</summary>
internal static class Blocks
{
    private const int Batch = 1 << 20;

    /// <summary>Makes the given number of blocks that nothing refers to.</summary>
    public static void MakeDead(TracedHeap heap, long count)
    {
        for (long made = 0; made < count; made += Batch)
        {
            using TracedScope scope = heap.Enter();
            Fill(in scope, (int)Math.Min(Batch, count - made));
        }
    }

    /// <summary>Makes the given number of blocks; one of each <paramref name="each"/> is put into the array, from its start.</summary>
    public static void MakeWithSurvivors(TracedHeap heap, TracedHandle<TracedArray<Block>> survivors, long count, int each)
    {
        for (long made = 0; made < count; made += each)
        {
            using TracedScope scope = heap.Enter();
            survivors.Get(in scope).Value[made / each].Set(in scope, scope.New<Block>());
            Fill(in scope, each - 1);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Fill(scoped in TracedScope scope, int count)
    {
        for (int i = 0; i < count; i++)
        {
            scope.New<Block>().Value.First = i;
        }
    }
}
