using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced.Layouts;
using SpanHeap.Traced;
using static SpanHeap.Tests.Traced.Sweeping.NurseryHeaps;

namespace SpanHeap.Tests.Traced.Sweeping;

/// <summary>What keeps the end of a scope from freeing blocks: references to them that were stored elsewhere.</summary>
[Unguarded("a guarded block has a span of its own, in no nursery")]
public sealed class EscapeTests
{
    private const int NodeBytes = 32;

    private const int Many = 40_000;

    [Theory]
    [MemberData(nameof(Places))]
    public void What_is_stored_in_an_older_block_lives_on(HolderPlace place)
    {
        using TracedHeap heap = Make();
        TracedHandle<byte> kept = default;
        using (TracedScope scope = heap.Enter())
        {
            kept = scope.Keep(Holder.Make(scope, place));
        }

        heap.CollectAndSweep();
        using (TracedScope scope = heap.Enter())
        {
            MakeChain(scope, 1000);
            Holder.Store(scope, place, kept.Get(scope), MakeMarked(scope));
        }

        Overwrite(heap);
        using (TracedScope scope = heap.Enter())
        {
            AssertMarked(scope, Holder.Load(scope, place, kept.Get(scope)));
        }

        heap.CollectAndSweep();
        using (TracedScope scope = heap.Enter())
        {
            AssertMarked(scope, Holder.Load(scope, place, kept.Get(scope)));
        }
    }

    public static TheoryData<HolderPlace> Places() => new(Enum.GetValues<HolderPlace>().Where(static place => place != HolderPlace.VastField && place != HolderPlace.Property));

    [Fact]
    public void What_a_property_stores_in_an_older_block_lives_on()
    {
        using TracedHeap heap = Make();
        TracedHandle<Branch> kept = default;
        using (TracedScope scope = heap.Enter())
        {
            kept = scope.Keep(scope.New<Branch>());
        }

        heap.CollectAndSweep();
        using (TracedScope scope = heap.Enter())
        {
            MakeBranches(scope);
            TracedRef<Branch> branch = scope.New<Branch>();
            branch.Key = 5;
            TracedRef<Branch> older = kept.Get(scope);
            older.Left = branch;
        }

        for (int i = 0; i < 3; i++)
        {
            using TracedScope scope = heap.Enter();
            MakeBranches(scope);
        }

        using (TracedScope scope = heap.Enter())
        {
            Assert.Equal(5, kept.Get(scope).Left.Key);
        }
    }

    [Theory]
    [InlineData("handle")]
    [InlineData("handle that is set")]
    [InlineData("roots")]
    [InlineData("weak handle and a handle")]
    public void What_is_kept_outside_of_blocks_lives_on(string how)
    {
        using TracedHeap heap = Make();
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(1);
        TracedHandle<Node> kept = default;
        using (TracedScope scope = heap.Enter())
        {
            kept = scope.Keep(scope.Null<Node>());
        }

        using (TracedScope scope = heap.Enter())
        {
            MakeChain(scope, 1000);
            TracedRef<Node> node = MakeMarked(scope);
            switch (how)
            {
                case "handle":
                    kept.Dispose();
                    kept = scope.Keep(node);
                    break;
                case "roots":
                    roots.Set(scope, 0, node);
                    break;
                default:
                    kept.Set(scope, node);
                    break;
            }
        }

        Overwrite(heap);
        using (TracedScope scope = heap.Enter())
        {
            AssertMarked(scope, how == "roots" ? roots.Get(scope, 0) : kept.Get(scope));
        }

        heap.CollectAndSweep();
    }

    [Fact]
    public void A_weak_handle_names_its_block_until_a_collection_finds_it_dead()
    {
        using TracedHeap heap = Make();
        TracedWeakHandle<Node> weak = default;
        using (TracedScope scope = heap.Enter())
        {
            MakeChain(scope, 1000);
            weak = scope.KeepWeak(MakeMarked(scope));
        }

        Overwrite(heap);
        using (TracedScope scope = heap.Enter())
        {
            Assert.True(weak.TryGet(scope, out TracedRef<Node> node));
            AssertMarked(scope, node);
        }

        heap.CollectAndSweep();
        Assert.False(weak.IsAlive);
    }

    [Fact]
    public void A_clean_up_runs_after_a_collection_has_found_its_block_dead_and_not_before()
    {
        using TracedHeap heap = Make();
        int runs = 0;
        using (TracedScope scope = heap.Enter())
        {
            MakeChain(scope, 1000);
            scope.OnDead(scope.New<Node>(), _ => runs++, 0);
        }

        Overwrite(heap);
        heap.RunCleanUps();
        Assert.Equal(0, runs);
        heap.CollectAndSweep();
        heap.RunCleanUps();
        Assert.Equal(1, runs);
    }

    [Fact]
    public void What_an_escaped_block_refers_to_lives_on_with_it()
    {
        using TracedHeap heap = Make();
        TracedHandle<Node> kept = default;
        using (TracedScope scope = heap.Enter())
        {
            kept = scope.Keep(MakeChain(scope, Many));
        }

        Overwrite(heap);
        heap.CollectAndSweep();
        using (TracedScope scope = heap.Enter())
        {
            Assert.Equal(Many, LengthOf(scope, kept.Get(scope)));
        }
    }

    [Fact]
    public void A_reference_from_another_threads_nursery_is_an_escape()
    {
        using TracedHeap heap = Make();
        TracedHandle<Node> kept = default;
        using (TracedScope scope = heap.Enter())
        {
            kept = scope.Keep(MakeChain(scope, 100));
        }

        using (TracedScope scope = heap.Enter())
        {
            // It has escaped, and is in this thread's nursery until the scope ends.
            kept.Get(scope).Value.Right.Set(scope, scope.New<Node>());
            StressThreads.RunOne(() =>
            {
                for (int i = 0; i < 5; i++)
                {
                    using TracedScope other = heap.Enter();
                    MakeChain(other, 1000);
                    if (i == 2)
                    {
                        kept.Get(other).Value.Right.Get(other).Value.Right.Set(other, MakeMarked(other));
                    }
                }
            });
            AssertMarked(scope, kept.Get(scope).Value.Right.Get(scope).Value.Right.Get(scope));
        }

        heap.CollectAndSweep();
        using (TracedScope scope = heap.Enter())
        {
            AssertMarked(scope, kept.Get(scope).Value.Right.Get(scope).Value.Right.Get(scope));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_stored_lives_on_also_where_stores_call_the_barrier_or_set_cards(bool audited)
    {
        using TracedHeap heap = Make(new TracedHeapOptions { AuditStores = audited, Generational = true });
        TracedHandle<Node> kept = default;
        using (TracedScope scope = heap.Enter())
        {
            kept = scope.Keep(MakeChain(scope, 100));
        }

        using (TracedScope scope = heap.Enter())
        {
            MakeChain(scope, 1000);
            kept.Get(scope).Value.Right.Set(scope, MakeMarked(scope));
        }

        Overwrite(heap);
        using (TracedScope scope = heap.Enter())
        {
            AssertMarked(scope, kept.Get(scope).Value.Right.Get(scope));
        }
    }

    [Fact]
    public void A_reference_to_an_older_block_is_no_escape()
    {
        using TracedHeap heap = Make();
        TracedHandle<Node> kept = default;
        using (TracedScope scope = heap.Enter())
        {
            kept = scope.Keep(MakeMarked(scope));
        }

        Overwrite(heap);
        long before = heap.GetStatistics().BytesFreedByScopes;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> last = MakeChain(scope, Many);
            last.Value.Right.Set(scope, kept.Get(scope));
        }

        Assert.InRange(heap.GetStatistics().BytesFreedByScopes - before, (Many - 64L) * NodeBytes, long.MaxValue);
        heap.CollectAndSweep();
        using (TracedScope scope = heap.Enter())
        {
            AssertMarked(scope, kept.Get(scope));
        }
    }

    [Fact]
    public void A_thread_whose_blocks_escape_tries_again_ever_more_seldom()
    {
        using TracedHeap heap = Make();
        heap.Parts.Nursery.IsCautious = true;
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(1);
        int attempts = 0;
        for (int i = 0; i < 4000; i++)
        {
            using TracedScope scope = heap.Enter();
            TracedRef<Node> chain = MakeChain(scope, 256);
            attempts += IsInNursery(chain) ? 1 : 0;
            roots.Set(scope, 0, chain);
        }

        Assert.InRange(attempts, 5, 20);
        heap.CollectAndSweep();
    }
}
