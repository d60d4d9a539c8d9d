using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Tests.Interleaving.Scheduling;
using SpanHeap.Tests.Traced;
using SpanHeap.Traced;
using SpanHeap.Traced.Marking;
using SpanHeap.Traced.Spans;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>What others do while a heap is marked, and how several markers end.</summary>
[Trait("Category", "Protocol")]
public sealed class MarkingTests(ITestOutputHelper output)
{
    private const int NodesPerPage = PageGeometry.PageSize / 32;

    [Fact]
    public void S10_Pages_that_come_and_go_while_marking_are_not_of_traced_spans()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            world.MakeMedium(count: 4, kept: 2);
            world.MakeLarge(count: 1, kept: 1);
            return new Scenario(
                world,
                new("collects", world.Heap.Collect),
                new("frees by hand", () => world.MakeManual(count: 3)))
            {
                Always = world.CheckSpans,
                AtEnd = () => world.AssertLeft(small: 2, large: 1),
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 1);
    }

    [Fact]
    public void A_handle_that_goes_while_marking_keeps_its_block_once_more_or_not()
    {
        static Scenario Make()
        {
            TracedWorld world = new();
            TracedHandle<Node> kept;
            using (TracedScope scope = world.Heap.Enter())
            {
                kept = scope.Keep(scope.New<Node>());
            }

            return new Scenario(
                world,
                new("collects", world.Heap.Collect),
                new("lets go", kept.Dispose))
            {
                Always = world.CheckSpans,
                AtEnd = () => world.AssertLeft(small: 0, large: 0),
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions: 2);
    }

    [Theory]
    [InlineData(2, 2)]
    [InlineData(3, 1)]
    public void S20_Marking_ends_when_no_marker_has_work_or_is_about_to_give_some(int markers, int preemptions)
    {
        int given = 0;

        Scenario Make()
        {
            TracedWorld world = new();
            int made = MakeTree(world, depth: 7);
            uint bitmap = SweepGeneration.MarkBitmap(world.Sweeper.Generation);
            MarkQueue queue = new(world.Heap.Core.Os, world.Heap.Core.Metadata);
            queue.Begin(markers);
            int ended = 0;
            return new Scenario(world, [.. Enumerable.Range(0, markers).Select(number => new ScenarioThread($"marker {number}", () =>
            {
                Marker marker = new(queue, world.Parts.Team.Weak, bitmap, shared: true);
                if (number == 0)
                {
                    RootScan.VisitAll(world.Parts.Roots, marker);
                }

                marker.Drain();
                ended++;
                marker.Release();
            }))])
            {
                Passing = point =>
                {
                    given += point == InterleavingPoint.MarkWorkGiven ? 1 : 0;
                    Assert.True(ended == 0 || point is not (InterleavingPoint.MarkWorkGiven or InterleavingPoint.MarkWorkTaken), "A marker has ended while there was work.");
                },
                AtEnd = () =>
                {
                    Assert.Equal(markers, ended);
                    Assert.Equal(made, CountMarks(world, bitmap));
                    queue.Dispose();
                },
            };
        }

        Exploration.RunAllAndSeeds(Make, output, preemptions);
        Assert.NotEqual(0, given);
    }

    [Fact]
    public void S27_A_block_that_waits_when_its_page_is_let_go_is_looked_into() =>
        Exploration.RunAllAndSeeds(static () => MakePage(static marker => marker.Drain()), output, preemptions: 2);

    [Fact]
    public void S27_A_page_that_is_let_go_without_a_second_look_is_found() =>
        Exploration.RequireFound(static () => MakePage(static marker => marker.MutantDrainWithoutSecondLook()), output, preemptions: 1, "blocks are not marked");

    // Two markers, each with a root in the same page, and a block that only the root refers to in another.
    private static unsafe Scenario MakePage(Action<Marker> drain)
    {
        TracedWorld world = new();
        nint[] nodes = new nint[NodesPerPage + 2];
        using (TracedScope scope = world.Heap.Enter())
        {
            for (int i = 0; i < nodes.Length; i++)
            {
                nodes[i] = scope.New<Node>().Address;
            }

            for (int marker = 0; marker < 2; marker++)
            {
                TracedRef<Node> root = scope.At<Node>(nodes[marker]);
                root.Value.Left.Set(scope, scope.At<Node>(nodes[NodesPerPage + marker]));
            }
        }

        uint bitmap = SweepGeneration.MarkBitmap(world.Sweeper.Generation);
        MarkQueue queue = new(world.Heap.Core.Os, world.Heap.Core.Metadata);
        queue.Begin(2);
        return new Scenario(world, [.. Enumerable.Range(0, 2).Select(number => new ScenarioThread($"marker {number}", () =>
        {
            Marker marker = new(queue, world.Parts.Team.Weak, bitmap, shared: true);
            marker.Visit(nodes[number]);
            drain(marker);
            marker.Release();
        }))])
        {
            StepsThroughPages = true,
            AtEnd = () =>
            {
                int marks = CountMarks(world, bitmap);
                int waiting = CountMarks(world, TracedBits.Waiting);
                Assert.True(marks == 4 && waiting == 0, $"{4 - marks} blocks are not marked, {waiting} wait.");
                Assert.All(nodes, static node => Assert.Equal(0, *TracedBits.QueuedOf(node & -PageGeometry.PageSize)));
                queue.Dispose();
            },
        };
    }

    // A tree that one handle keeps, of which a page has two nodes: markers give pages to each other.
    private static int MakeTree(TracedWorld world, int depth)
    {
        using TracedScope scope = world.Heap.Enter();
        int made = 0;
        scope.Keep(MakeTree(scope, depth, ref made));
        return made;
    }

    private static TracedRef<WideNode> MakeTree(in TracedScope scope, int depth, ref int made)
    {
        TracedRef<WideNode> node = scope.New<WideNode>();
        made++;
        if (depth > 1)
        {
            node.Value.Left.Set(scope, MakeTree(scope, depth - 1, ref made));
            node.Value.Right.Set(scope, MakeTree(scope, depth - 1, ref made));
        }

        return node;
    }

    private static unsafe int CountMarks(TracedWorld world, uint bitmap)
    {
        int sum = 0;
        TracedWalk walk = new(world.Heap.Core.Pages);
        while (walk.MoveNext())
        {
            sum += TracedSlots.Count(walk.Current, bitmap);
        }

        return sum;
    }

    /// <summary>A block of half a page with two references.</summary>
    private unsafe struct WideNode : ITraced<WideNode>
    {
        private const int Bytes = 4096;

        public Traced<WideNode> Left;
        public Traced<WideNode> Right;
        private fixed byte _rest[Bytes - (2 * sizeof(long))];

        public static TracedLayout Layout { get; } = TracedLayout.OfFields(Bytes, 0, 8);
    }
}
