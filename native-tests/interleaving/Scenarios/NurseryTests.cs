using SpanHeap.Tests.Interleaving.Scheduling;
using SpanHeap.Tests.Traced;
using SpanHeap.Traced;
using SpanHeap.Traced.Gating;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>Scopes that free what has not escaped from them, beside collections.</summary>
[Trait("Category", "Protocol")]
public sealed class NurseryTests(ITestOutputHelper output)
{
    // References of an array of which a span has few.
    private const int Length = 4000;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void S37_Scopes_that_free_beside_a_collection_leave_what_has_escaped(bool escapes) =>
        Exploration.RunAllAndSeeds(() => Make(escapes, static scope => scope.Dispose()), output, preemptions: 2);

    [Fact]
    public void S37_A_nursery_that_is_emptied_after_its_scope_has_ended_is_found() =>
        Exploration.RequireFound(() => Make(escapes: false, DisposeLate), output, preemptions: 2, "");

    private delegate void Ending(TracedScope scope);

    private static Scenario Make(bool escapes, Ending end)
    {
        TracedWorld world = new(freeing: true);
        TracedHandle<TracedArray<Node>> kept = default;

        // The first scope finds that a nursery is due.
        world.MakeMedium(1, kept: 0);
        return new Scenario(
            world,
            new("makes", () =>
            {
                TracedScope scope = world.Heap.Enter();
                for (int i = 0; i < 9; i++)
                {
                    TracedRef<TracedArray<Node>> array = scope.NewArray<Node>(Length);
                    if (escapes && i == 1)
                    {
                        kept = scope.Keep(array);
                    }
                }

                world.MakeLarge(1, kept: 0);
                end(scope);
            }),
            new("collects", world.Heap.Collect))
        {
            Always = world.CheckSpans,
            AtEnd = () =>
            {
                world.Heap.Verify();
                world.AssertLeft(small: escapes ? 1 : 0, large: 0);
                kept.Dispose();
                world.AssertLeft(small: 0, large: 0);
            },
        };
    }

    private static unsafe void DisposeLate(TracedScope scope)
    {
        Gate.Exit(scope.Cache, 1);
        scope.Heap.Nursery.EndScope(scope.Cache);
    }
}
