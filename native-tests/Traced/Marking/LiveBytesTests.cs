using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Marking;

/// <summary>What is known to live is what the bits say, whatever has references and however large it is.</summary>
public sealed unsafe class LiveBytesTests
{
    private const int Blocks = 5;
    private const int BlockBytes = 104 * 1024;

    /// <summary>What a block is.</summary>
    public enum Shape
    {
        /// <summary>Without references.</summary>
        Plain,

        /// <summary>With references in its first words.</summary>
        Fields,

        /// <summary>With references in words beyond the first 64.</summary>
        FieldsFarBehind,

        /// <summary>An array of references.</summary>
        References,

        /// <summary>An array of structs with references.</summary>
        Elements,

        /// <summary>With a trace function.</summary>
        Custom,

        /// <summary>Alive until the program says otherwise.</summary>
        Collectable,
    }

    public static TheoryData<Shape> Shapes => [.. Enum.GetValues<Shape>()];

    [Theory]
    [MemberData(nameof(Shapes))]
    [Unguarded("a guarded block has whole pages of the system")]
    public void Large_blocks_of_every_shape_count_with_their_pages(Shape shape)
    {
        using TracedHeap heap = TracedHeaps.Still();
        for (int i = 0; i < Blocks; i++)
        {
            using TracedScope scope = heap.Enter();
            scope.Keep(scope.At<byte>(Make(scope, shape)));
        }

        heap.Verify();
        heap.Collect();
        heap.FinishSweeping();

        TracedStatistics statistics = heap.GetStatistics();
        Assert.Equal(Blocks * BlockBytes, statistics.LiveBytes);
        Assert.Equal(statistics.Pages * heap.Native.GetStatistics().PageSize, statistics.LiveBytes);
        heap.Verify();
    }

    [Fact]
    [Unguarded("it counts slots, of which a guarded block has one")]
    public void What_a_thread_has_taken_and_not_reported_is_not_counted_again_after_a_collection()
    {
        using TracedHeap heap = TracedHeaps.Still();
        for (int round = 0; round < 20; round++)
        {
            using (TracedScope scope = heap.Enter())
            {
                for (int i = 0; i < 50; i++)
                {
                    scope.New<Node>();
                }
            }

            heap.Collect();
            heap.Verify();
        }

        using (TracedScope scope = heap.Enter())
        {
            // More than a thread takes before it tells.
            scope.NewArray<Node>(100_000);
        }

        Assert.InRange(heap.GetStatistics().LiveBytes, 800_000, 850_000);
    }

    private static nint Make(TracedScope scope, Shape shape) => shape switch
    {
        Shape.Plain => scope.NewBytes(TracedLayout.NoPointers, BlockBytes).Address,
        Shape.Fields => scope.NewBytes(TracedLayout.OfFields(16, 8), BlockBytes).Address,
        Shape.FieldsFarBehind => scope.NewBytes(TracedLayout.OfFields(4096, 0, 4088), BlockBytes).Address,
        Shape.References => scope.NewArray<Node>((BlockBytes / 8) - 1).Address,
        Shape.Elements => scope.NewElements(TracedLayout.OfElements(24, 8), (BlockBytes / 24) - 1).Address,
        Shape.Custom => scope.NewBytes(TracedLayout.Custom(&FindNothing), BlockBytes).Address,
        _ => scope.NewCollectable(BlockBytes).Address,
    };

    private static void FindNothing(nint block, TracedVisitor context)
    {
    }
}
