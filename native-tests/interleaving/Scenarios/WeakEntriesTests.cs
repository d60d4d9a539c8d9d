using System.Runtime.CompilerServices;
using SpanHeap.Tests.Interleaving.Scheduling;
using SpanHeap.Tests.Traced;
using SpanHeap.Traced;
using SpanHeap.Traced.Collections;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Interleaving.Scenarios;

/// <summary>What a thread gets from a dictionary with weak keys while the heap is marked lives, whenever the marker looks at the entries.</summary>
[Trait("Category", "Protocol")]
public sealed class WeakEntriesTests(ITestOutputHelper output)
{
    private const long Mark = 4711;

    // The dictionary, its entries and its buckets.
    private const int BlocksOfDictionary = 3;

    private delegate void Remover(in TracedScope scope, ref TracedWeakDictionary<Node, Node> dictionary, TracedRef<Node> key);

    [Fact]
    public void S32_A_key_lives_that_an_enumeration_gave_and_so_does_its_value() =>
        Exploration.RunAllAndSeeds(static () => MakeEnumerating(shades: true), output, preemptions: 2);

    [Fact]
    public void S32_An_enumeration_that_shades_nothing_is_found() =>
        Exploration.RequireFound(static () => MakeEnumerating(shades: false), output, preemptions: 1, "is lost");

    [Fact]
    public void S33_A_value_lives_that_was_found_by_its_key_before_the_entry_went() =>
        Exploration.RunAllAndSeeds(static () => MakeRemoving(Remove), output, preemptions: 2);

    [Fact]
    public void S33_A_removal_that_shades_nothing_is_found() =>
        Exploration.RequireFound(static () => MakeRemoving(RemoveWithoutShading), output, preemptions: 1, "is lost");

    // Only the value refers to the key. A thread enumerates the entry, if it is still there, and keeps the key.
    private static Scenario MakeEnumerating(bool shades)
    {
        TracedWorld world = new(concurrent: true);
        TracedHandle<TracedWeakDictionary<Node, Node>> dictionary = MakeDictionary(world, out TracedHandle<Node> first);
        nint address = AddressOf(world, first);
        first.Dispose();
        TracedHandle<Node> kept = default;
        return new Scenario(
            world,
            new("collects", () => Begin(world)),
            new("enumerates", () =>
            {
                using TracedScope scope = world.Heap.Enter();
                foreach (TracedWeakEntry<Node, Node> entry in dictionary.Get(scope).Value)
                {
                    kept = scope.Keep(shades ? entry.GetKey(scope) : scope.At<Node>(address));
                }
            }))
        {
            StepsThroughPages = true,
            Always = world.CheckSpans,
            AtEnd = () =>
            {
                world.Heap.FinishSweeping();
                bool isKept = kept != default;
                using (TracedScope scope = world.Heap.Enter())
                {
                    Assert.False(isKept && dictionary.Get(scope).Value.Count == 0, "An entry whose key is kept is lost.");
                    AssertAlive(world, isKept ? dictionary.Get(scope).Value.Get(scope, kept.Get(scope)) : dictionary.Get(scope).As<Node>(), isKept);
                }

                world.AssertLeft(small: BlocksOfDictionary + (isKept ? 2 : 0), large: 0);
            },
        };
    }

    // A thread finds the value of a key that lives, removes the entry, and hides the value in a new block.
    private static Scenario MakeRemoving(Remover remove)
    {
        TracedWorld world = new(concurrent: true);
        TracedHandle<TracedWeakDictionary<Node, Node>> dictionary = MakeDictionary(world, out TracedHandle<Node> key);
        TracedHandle<Node> hidden = default;
        return new Scenario(
            world,
            new("collects", () => Begin(world)),
            new("removes", () =>
            {
                using TracedScope scope = world.Heap.Enter();
                TracedRef<Node> black = scope.New<Node>();
                black.Value.Left.Set(scope, dictionary.Get(scope).Value.Get(scope, key.Get(scope)));
                remove(scope, ref dictionary.Get(scope).Value, key.Get(scope));
                hidden = scope.Keep(black);
            }))
        {
            StepsThroughPages = true,
            Always = world.CheckSpans,
            AtEnd = () =>
            {
                world.Heap.FinishSweeping();
                using (TracedScope scope = world.Heap.Enter())
                {
                    AssertAlive(world, hidden.Get(scope).Value.Left.Get(scope), isMarked: true);
                }

                world.AssertLeft(small: BlocksOfDictionary + 3, large: 0);
            },
        };
    }

    private static void Remove(in TracedScope scope, ref TracedWeakDictionary<Node, Node> dictionary, TracedRef<Node> key) => dictionary.Remove(scope, key);

    private static void RemoveWithoutShading(in TracedScope scope, ref TracedWeakDictionary<Node, Node> dictionary, TracedRef<Node> key)
    {
        ref WeakEntry entry = ref Unsafe.As<TracedWeakDictionary<Node, Node>, WeakHashTable>(ref dictionary).EntryAt(0);
        Volatile.Write(ref entry.Key, 0);
        Volatile.Write(ref entry.Value, 0);
    }

    private static void Begin(TracedWorld world) => world.Parts.Concurrent!.TryBegin(CollectionReason.Idle);

    private static TracedHandle<TracedWeakDictionary<Node, Node>> MakeDictionary(TracedWorld world, out TracedHandle<Node> kept)
    {
        using TracedScope scope = world.Heap.Enter();
        TracedRef<TracedWeakDictionary<Node, Node>> dictionary = scope.New<TracedWeakDictionary<Node, Node>>();
        TracedRef<Node> key = scope.New<Node>();
        TracedRef<Node> value = scope.New<Node>();
        value.Value.Value = Mark;
        value.Value.Left.Set(scope, key);
        dictionary.Value.Add(scope, key, value);
        kept = scope.Keep(key);
        return scope.Keep(dictionary);
    }

    private static nint AddressOf(TracedWorld world, TracedHandle<Node> handle)
    {
        using TracedScope scope = world.Heap.Enter();
        return handle.Get(scope).Address;
    }

    private static void AssertAlive(TracedWorld world, TracedRef<Node> block, bool isMarked)
    {
        bool isAlive = TracedBits.IsSet(block.Address, SweepGeneration.AllocBitmap(world.Sweeper.Generation));
        Assert.True(isAlive && (!isMarked || block.Value.Value == Mark), "A block is lost.");
    }
}
