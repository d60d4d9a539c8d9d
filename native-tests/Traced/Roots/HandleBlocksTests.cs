using SpanHeap.Os;
using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using SpanHeap.Traced.Roots;

namespace SpanHeap.Tests.Traced.Roots;

/// <summary>What a burst of handles took goes back, and collections do not look at what is gone.</summary>
public sealed unsafe class HandleBlocksTests
{
    private const int Blocks = 40;

    private static readonly int s_burst = Blocks * HandleBlock.Capacity;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_memory_of_a_burst_of_handles_goes_back(bool weak)
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedHandle<Node> kept = KeepOne(heap);
        HandleTable table = weak ? heap.Parts.WeakHandles : heap.Parts.Roots;
        nuint before = heap.Core.Metadata.UsedBytes;
        Burst(heap, weak, static burst => { });
        Assert.InRange((int)((heap.Core.Metadata.UsedBytes - before) / HandleBlock.SlotBytes), 0, 16);
        heap.Verify();
        heap.Trim();
        Assert.Equal(table.Blocks.Count, table.Blocks.Gone + (weak ? 0 : 1));
        Assert.InRange(heap.Core.Os.Calls(OsCall.Discard), Blocks - 2, 2 * Blocks);
        heap.CollectAndSweep();
    }

    [Fact]
    public void A_collection_after_a_burst_looks_at_the_slots_that_handles_have()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedHandle<Node> kept = KeepOne(heap);
        Burst(heap, weak: false, static burst => { });
        int shown = 0;
        heap.Parts.Roots.Show((_, _) => shown++);
        Assert.Equal(1, shown);
        Assert.Equal(1, UsedBlocks(heap.Parts.Roots));
    }

    [Fact]
    public void A_handle_of_a_burst_that_is_gone_is_known_as_disposed()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<Node>[] old = [];
        Burst(heap, weak: false, burst => old = [.. burst]);
        heap.Trim();
        AssertDisposed(heap, old);

        // Slots that serve again are those of other handles.
        Burst(heap, weak: false, second =>
        {
            AssertDisposed(heap, old);
            Array.ForEach(old, static handle => handle.Dispose());
            Assert.Equal(second.Length, heap.GetStatistics().Handles);
        });
        heap.Verify();
    }

    [Fact]
    public void Handles_that_come_and_go_about_a_blocks_end_ask_nothing_of_the_system()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<Node>[] full = new TracedHandle<Node>[HandleBlock.Capacity];
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < full.Length; i++)
            {
                full[i] = scope.Keep<Node>(default);
            }

            scope.Keep<Node>(default).Dispose();
        }

        long calls = heap.Core.Os.TotalCalls;
        for (int i = 0; i < 1000; i++)
        {
            using TracedScope scope = heap.Enter();
            TracedHandle<Node> first = scope.Keep<Node>(default);
            TracedHandle<Node> second = scope.Keep<Node>(default);
            first.Dispose();
            second.Dispose();
        }

        Assert.Equal(calls, heap.Core.Os.TotalCalls);
        Array.ForEach(full, static handle => handle.Dispose());
        heap.Verify();
    }

    [Fact]
    public void Memory_that_the_system_does_not_take_back_goes_on_serving_and_counting()
    {
        using TracedHeap heap = TracedHeaps.Still();
        heap.Core.Os.FailAll(OsCall.Discard);
        Burst(heap, weak: false, static burst => { });
        nuint counted = heap.Core.Metadata.UsedBytes;
        heap.Verify();
        Burst(heap, weak: false, static burst => { });
        Assert.Equal(counted, heap.Core.Metadata.UsedBytes);
        heap.Verify();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Handles_that_come_and_go_at_random_name_what_they_were_made_for(int seed)
    {
        StressRandom random = new((ulong)seed);
        using TracedHeap heap = TracedHeaps.Still();
        Dictionary<long, TracedHandle<Node>> live = [];
        long made = 0;
        for (int round = 0; round < 30; round++)
        {
            using (TracedScope scope = heap.Enter())
            {
                for (int i = random.Below(6000); i > 0; i--)
                {
                    TracedRef<Node> node = scope.New<Node>();
                    node.Value.Value = ++made;
                    live.Add(made, scope.Keep(node));
                }
            }

            int left = random.OneIn(4) ? 0 : random.Below(live.Count + 1);
            foreach (long gone in live.Keys.OrderBy(key => (key * 7919) % 10_007).Skip(left).ToArray())
            {
                live[gone].Dispose();
                live.Remove(gone);
            }

            if (random.OneIn(3))
            {
                heap.Trim();
            }

            heap.Collect();
            heap.Verify();
            using TracedScope look = heap.Enter();
            Assert.Equal(live.Count, heap.GetStatistics().Handles);
            foreach ((long value, TracedHandle<Node> handle) in live)
            {
                Assert.Equal(value, handle.Get(look).Value.Value);
            }
        }
    }

    private static TracedHandle<Node> KeepOne(TracedHeap heap)
    {
        using TracedScope scope = heap.Enter();
        return scope.Keep(scope.New<Node>());
    }

    // Makes handles, lets the test look, and disposes them all.
    private static void Burst(TracedHeap heap, bool weak, Action<TracedHandle<Node>[]> look)
    {
        TracedHandle<Node>[] handles = new TracedHandle<Node>[weak ? 0 : s_burst];
        TracedWeakHandle<Node>[] weakHandles = new TracedWeakHandle<Node>[weak ? s_burst : 0];
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> node = scope.New<Node>();
            for (int i = 0; i < handles.Length; i++)
            {
                handles[i] = scope.Keep(node);
            }

            for (int i = 0; i < weakHandles.Length; i++)
            {
                weakHandles[i] = scope.KeepWeak(node);
            }
        }

        look(handles);
        Array.ForEach(handles, static handle => handle.Dispose());
        Array.ForEach(weakHandles, static handle => handle.Dispose());
    }

    private static void AssertDisposed(TracedHeap heap, TracedHandle<Node>[] handles)
    {
        using TracedScope scope = heap.Enter();

        // Of some: exceptions take their time.
        for (int i = 0; i < handles.Length; i += 97)
        {
            string? refusal = null;
            try
            {
                handles[i].Get(scope);
            }
            catch (InvalidOperationException error)
            {
                refusal = error.Message;
            }

            Assert.Contains("disposed", refusal, StringComparison.Ordinal);
        }
    }

    private static int UsedBlocks(HandleTable table)
    {
        int used = 0;
        for (HandleBlock* block = table.Blocks.Newest; block != null; block = block->Older)
        {
            used += block->Used != 0 ? 1 : 0;
        }

        return used;
    }
}
