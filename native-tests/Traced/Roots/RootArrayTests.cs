using SpanHeap.Tests.Support;
using SpanHeap.Traced;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Traced.Roots;

public sealed class RootArrayTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void What_an_array_names_lives_until_it_is_overwritten_or_the_array_disposed(HeapChecks checks)
    {
        using TracedHeap heap = TracedHeaps.Still(checks);
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(10);
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < 10; i++)
            {
                TracedRef<Node> node = scope.New<Node>();
                node.Value.Value = i;
                node.Value.Left.Set(scope, scope.New<Node>());
                roots.Set(scope, i, node);
            }
        }

        heap.CollectAndSweep();
        Assert.Equal((20L, 0L), TracedCensus.Take(heap));
        using (TracedScope scope = heap.Enter())
        {
            Assert.Equal(9, roots.Get(scope, 9).Value.Value);
            roots.Set(scope, 0, default);
            roots.Clear(scope, 7, 3);
            Assert.True(roots.Get(scope, 9).IsNull);
        }

        heap.CollectAndSweep();
        Assert.Equal((12L, 0L), TracedCensus.Take(heap));
        roots.Dispose();
        roots.Dispose();
        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
        Assert.Equal(0, heap.GetStatistics().RootArrays);
    }

    [Fact]
    public void Arrays_leave_their_list_in_any_order()
    {
        using TracedHeap heap = TracedHeaps.Still();
        foreach (int[] order in (int[][])[[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
        {
            TracedRoots<Node>[] arrays = [.. Enumerable.Range(0, 3).Select(_ => heap.CreateRoots<Node>(1))];
            using (TracedScope scope = heap.Enter())
            {
                foreach (TracedRoots<Node> array in arrays)
                {
                    array.Set(scope, 0, scope.New<Node>());
                }
            }

            for (int left = 2; left >= 0; left--)
            {
                arrays[order[left]].Dispose();
                heap.CollectAndSweep();
                Assert.Equal((left, 0L), TracedCensus.Take(heap));
            }
        }
    }

    [Fact]
    public void Indices_outside_an_array_and_arrays_disposed_are_refused()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedRoots<Node> roots = heap.CreateRoots<Node>(3);
        foreach (int index in (int[])[-1, 3, int.MinValue, int.MaxValue])
        {
            AssertThrows<IndexOutOfRangeException>(heap, roots, index);
        }

        AssertClearThrows(heap, roots, -1, 1);
        AssertClearThrows(heap, roots, 1, 3);
        AssertClearThrows(heap, roots, 1, -1);
        AssertClearThrows(heap, roots, 4, 0);
        roots.Dispose();
        AssertThrows<ObjectDisposedException>(heap, roots, 0);
        Assert.Equal(3, roots.Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => heap.CreateRoots<Node>(-1));
        Assert.Equal(0, heap.CreateRoots<Node>(0).Length);
    }

    [Fact]
    public void An_array_of_another_heap_is_refused()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedHeap other = TracedHeaps.Still();
        using TracedRoots<Node> roots = other.CreateRoots<Node>(1);
        string message = AssertThrows<InvalidOperationException>(heap, roots, 0);
        Assert.Contains($"'{heap.Name}'", message, StringComparison.Ordinal);
        Assert.Contains($"'{other.Name}'", message, StringComparison.Ordinal);
    }

    [Fact]
    public void With_full_checks_an_array_takes_blocks_only()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using TracedRoots<Node> roots = heap.CreateRoots<Node>(1);
        Assert.Throws<HeapCorruptionException>(() =>
        {
            using TracedScope scope = heap.Enter();
            roots.Set(scope, 0, new TracedRef<Node>(scope.New<Node>().Address + 8));
        });
    }

    [Fact]
    public void An_array_is_disposed_in_peace_after_its_heap()
    {
        TracedHeap heap = TracedHeaps.Still();
        TracedRoots<Node> roots = heap.CreateRoots<Node>(1);
        heap.Dispose();
        roots.Dispose();
        Assert.Throws<ObjectDisposedException>(() => heap.CreateRoots<Node>(1));
    }

    [Theory]
    [InlineData(21)]
    public void Arrays_that_come_and_go_while_others_collect_keep_what_they_have(int seed)
    {
        output.WriteLine($"seed {seed}");
        const int Rounds = 3000;
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = 1 << 16 });
        StressThreads.Run(4, number =>
        {
            StressRandom random = new((ulong)((seed * 10) + number));
            TracedRoots<Node>?[] arrays = new TracedRoots<Node>?[8];
            long[,] values = new long[8, 16];
            for (int round = 0; round < Rounds; round++)
            {
                // In a scope or out of it.
                int at = random.Below(8);
                if (random.OneIn(2))
                {
                    Replace(heap, arrays, values, at);
                    Use(heap, arrays, values, random);
                }
                else
                {
                    using TracedScope scope = heap.Enter();
                    Replace(heap, arrays, values, at);
                }

                // Those that come by themselves may all find a thread in a scope.
                if (number == 0 && round % (Rounds / 5) == 0)
                {
                    heap.Collect();
                }
            }

            Array.ForEach(arrays, static array => array?.Dispose());
        });

        Assert.InRange(heap.GetStatistics().Collections, 5, long.MaxValue);
        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
        Assert.Equal(0, heap.GetStatistics().RootArrays);
    }

    private static void Replace(TracedHeap heap, TracedRoots<Node>?[] arrays, long[,] values, int at)
    {
        arrays[at]?.Dispose();
        arrays[at] = heap.CreateRoots<Node>(16);
        for (int i = 0; i < 16; i++)
        {
            values[at, i] = 0;
        }
    }

    // What should be in each element is in the values; 0 for nothing.
    private static void Use(TracedHeap heap, TracedRoots<Node>?[] arrays, long[,] values, StressRandom random)
    {
        using TracedScope scope = heap.Enter();
        for (int i = 0; i < arrays.Length; i++)
        {
            if (arrays[i] is not { } array)
            {
                continue;
            }

            int at = random.Below(16);
            TracedRef<Node> node = array.Get(scope, at);
            Assert.Equal(values[i, at], node.IsNull ? 0 : node.Value.Value);
            TracedRef<Node> made = scope.New<Node>();
            made.Value.Value = (long)(random.Next() >> 1) | 1;
            made.Value.Left.Set(scope, node);
            bool empty = random.OneIn(20);
            values[i, at] = empty ? 0 : made.Value.Value;
            array.Set(scope, at, empty ? default : made);
        }
    }

    private static string AssertThrows<TError>(TracedHeap heap, TracedRoots<Node> roots, int index)
        where TError : Exception
    {
        Assert.Throws<TError>(() =>
        {
            using TracedScope scope = heap.Enter();
            roots.Set(scope, index, default);
        });
        return Assert.Throws<TError>(() =>
        {
            using TracedScope scope = heap.Enter();
            _ = roots.Get(scope, index).IsNull;
        }).Message;
    }

    private static void AssertClearThrows(TracedHeap heap, TracedRoots<Node> roots, int start, int count) => Assert.Throws<ArgumentOutOfRangeException>(() =>
    {
        using TracedScope scope = heap.Enter();
        roots.Clear(scope, start, count);
    });
}
