using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Marking;

/// <summary>Blocks whose references a function of the program finds.</summary>
public sealed unsafe class CustomLayoutTests
{
    [ThreadStatic]
    private static Action? t_inTrace;

    [Theory]
    [InlineData(3)]
    [InlineData(200)]
    [InlineData(100_000)]
    public void What_a_trace_function_visits_lives_and_nothing_else(int words)
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedHandle<byte> kept = KeepCell(heap, words, static (scope, cell, words) =>
        {
            Cell.Word(cell, 0) = Make(scope).Address;
            Cell.Word(cell, words - 1) = Make(scope).Address;
            Cell.Word(cell, 1) = Make(scope).Address + 1;
        });

        heap.CollectAndSweep();

        AssertCensus(heap, words, others: 2);
        kept.Dispose();
        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
    }

    [Theory]
    [InlineData(HeapChecks.Standard)]
    [InlineData(HeapChecks.Full)]
    public void An_address_inside_a_block_keeps_it_and_any_other_keeps_nothing(HeapChecks checks)
    {
        using TracedHeap heap = TracedHeaps.Still(checks);
        nint manual = (nint)heap.Native.Alloc(100) & ~1;
        long stack = 0;
        nint onStack = (nint)(&stack);
        using TracedHandle<byte> kept = KeepCell(heap, 100, (scope, cell, _) =>
        {
            nint large = scope.NewArray<Node>(100_000).Address;
            nint[] addresses =
            [
                Make(scope).Address + 23, Make(scope).Address, large + 500_000, large + 700_000,
                manual, onStack, 0, 1, -16, nint.MaxValue / 2, cell & -65536, (cell & -4096) + 4095,
            ];
            for (int i = 0; i < addresses.Length; i++)
            {
                Cell.Word(cell, i) = (addresses[i] & ~1) + Cell.InteriorTag + 1;
            }
        });

        heap.CollectAndSweep();
        heap.CollectAndSweep();

        Assert.Equal((3L, 1L), TracedCensus.Take(heap));
    }

    [Fact]
    public void Fields_of_a_type_with_a_custom_layout_are_visited_as_such()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Either> node = scope.New<Either>();
            node.Value.Left.Set(scope, Make(scope));
            node.Value.Right.Set(scope, Make(scope));
            node.Value.UsesRight = 1;
            scope.Keep(node);
        }

        heap.CollectAndSweep();

        Assert.Equal((2L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void Many_custom_blocks_are_marked_by_several_threads_and_exactly()
    {
        const int Count = 100_000;
        using TracedHeap heap = TracedHeaps.Still();
        using TracedRoots<byte> roots = heap.CreateRoots<byte>(100);
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < Count; i++)
            {
                TracedRef<byte> cell = Cell.Make(scope, 8);
                Cell.Word(cell.Address, i % 8) = roots.Get(scope, i % 100).Address;
                roots.Set(scope, i % 100, cell);
                Cell.Make(scope, 8);
            }
        }

        for (int round = 0; round < 3; round++)
        {
            heap.CollectAndSweep();
            Assert.Equal((Count, 0L), TracedCensus.Take(heap));
        }
    }

    [Fact]
    public void An_address_in_a_slot_that_is_not_used_yet_is_nothing_to_a_collection_that_comes_by_itself()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedRoots<byte> roots = heap.CreateRoots<byte>(1);
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> node = scope.New<Node>();
            TracedRef<byte> cell = Cell.Make(scope, 1);

            // The slot after it: the thread's cache has taken it along with the node's, and it was never a block.
            Cell.Word(cell.Address, 0) = node.Address + 33 + Cell.InteriorTag;
            roots.Set(scope, 0, cell);
        }

        for (int round = 0; round < 3; round++)
        {
            heap.Parts.Pacer.RequestCycle();
            heap.Enter().Dispose();
            Assert.Equal(round + 1, heap.Parts.Collector.Cycles);
        }

        heap.CollectAndSweep();
        Assert.Equal((1L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    [Unguarded("stacks are managed memory")]
    [Trait("Audit", "Off")]
    public void Marking_custom_blocks_makes_no_garbage()
    {
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = nuint.MaxValue >> 2, MarkThreads = 1 });
        using TracedRoots<byte> roots = heap.CreateRoots<byte>(1);
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < 10_000; i++)
            {
                TracedRef<byte> cell = Cell.Make(scope, 1);
                Cell.Word(cell.Address, 0) = roots.Get(scope, 0).Address;
                roots.Set(scope, 0, cell);
            }
        }

        heap.Collect();
        long before = GC.GetAllocatedBytesForCurrentThread();
        heap.Collect();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000);
    }

    [Fact]
    public void What_a_trace_function_throws_comes_out_of_the_collection()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedHandle<byte> kept = KeepCalling(heap);
        InvalidOperationException? thrown = CollectWith(heap, static () => throw new FormatException("a bad block"));
        Assert.IsType<FormatException>(thrown?.InnerException);
        Assert.Contains("a bad block", thrown.Message, StringComparison.Ordinal);
        Assert.Contains("trace function", thrown.Message, StringComparison.Ordinal);
        heap.CollectAndSweep();
        Assert.Equal((1L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void A_due_collection_that_a_trace_function_ended_is_not_tried_again_at_the_next_scope()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedHandle<byte> kept = KeepCalling(heap);
        t_inTrace = static () => throw new FormatException();
        heap.Parts.Pacer.RequestCycle();
        Assert.Throws<InvalidOperationException>(() => heap.Enter());

        heap.Enter().Dispose();

        t_inTrace = null;
        heap.CollectAndSweep();
    }

    [Fact]
    public void A_trace_function_that_enters_a_scope_or_collects_is_refused_and_waits_for_nothing()
    {
        foreach (int what in (int[])[0, 1, 2])
        {
            using TracedHeap heap = TracedHeaps.Still();
            using TracedHandle<byte> kept = KeepCalling(heap);
            InvalidOperationException? thrown = CollectWith(heap, () =>
            {
                switch (what)
                {
                    case 0:
                        heap.Enter();
                        break;
                    case 1:
                        heap.Collect();
                        break;
                    default:
                        heap.FinishSweeping();
                        break;
                }
            });
            Assert.Contains("trace function", thrown?.InnerException?.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_trace_function_is_refused_also_after_it_was_refused_by_another_heap()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedHeap other = TracedHeaps.Still();
        using TracedHandle<byte> kept = KeepCalling(heap);
        using TracedHandle<byte> keptByOther = KeepCalling(other);
        List<string> refusals = [];
        InvalidOperationException? thrown = CollectWith(heap, () =>
        {
            refusals.Add(Assert.Throws<InvalidOperationException>(other.Collect).Message);
            other.Parts.Pacer.RequestCycle();
            refusals.Add(Assert.Throws<InvalidOperationException>(() => other.Enter()).Message);
            heap.Enter();
        });

        Assert.All(refusals, static message => Assert.Contains("trace function", message, StringComparison.Ordinal));
        Assert.Equal(2, refusals.Count);
        Assert.Contains("trace function", thrown?.InnerException?.Message, StringComparison.Ordinal);
        heap.Verify();
        other.CollectAndSweep();
    }

    [Fact]
    public void With_full_checks_a_trace_function_that_visits_no_block_is_refused()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using TracedHandle<byte> kept = KeepCell(heap, 4, static (scope, cell, _) => Cell.Word(cell, 0) = Make(scope).Address + 8);
        Assert.Contains("by its trace function", Assert.Throws<HeapCorruptionException>(heap.Collect).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Blocks_of_bytes_have_any_size_and_are_zero()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedScope scope = heap.Enter();
        foreach (int size in (int[])[0, 1, 16, 17, 1000, 32_768, 32_769, 5_000_000])
        {
            for (int i = 0; i < 3; i++)
            {
                TracedRef<byte> block = scope.NewBytes(TracedLayout.NoPointers, size);
                Assert.Equal(0, block.Address % 16);
                Span<byte> bytes = new((void*)block.Address, size);
                Assert.False(bytes.ContainsAnyExcept((byte)0));
                bytes.Fill(0xff);
            }
        }
    }

    [Fact]
    public void Sizes_and_layouts_that_do_not_fit_are_refused()
    {
        using TracedHeap heap = TracedHeaps.Still();
        AssertRefused<ArgumentOutOfRangeException>(heap, TracedLayout.NoPointers, -1);
        AssertRefused<ArgumentOutOfRangeException>(heap, TracedLayout.OfFields(64, 56), 63);
        AssertRefused<ArgumentException>(heap, TracedLayout.References, 64);
        AssertRefused<ArgumentException>(heap, TracedLayout.OfElements(16, 0), 64);
        AssertRefused<ArgumentException>(heap, default, 64);
        AssertRefused<OutOfMemoryException>(heap, Cell.Layout, 1 << 30);
        Assert.Throws<ArgumentNullException>(() => TracedLayout.Custom(null));
        Assert.Equal(Cell.Layout, CellLayoutAgain());
        heap.CollectAndSweep();
        Assert.Equal((0L, 0L), TracedCensus.Take(heap));
    }

    [Fact]
    public void With_full_checks_an_address_that_is_no_block_becomes_no_reference()
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        using TracedScope scope = heap.Enter();
        TracedRef<Node> node = Make(scope);
        Assert.True(scope.At<Node>(node.Address).Is(node));
        Assert.True(scope.At<Node>(0).IsNull);
        bool refused = false;
        try
        {
            scope.At<Node>(node.Address + 16);
        }
        catch (HeapCorruptionException)
        {
            refused = true;
        }

        Assert.True(refused);
    }

    private static TracedLayout CellLayoutAgain() => TracedLayout.Custom(&CallInTrace) == TracedLayout.Custom(&CallInTrace) ? Cell.Layout : default;

    private static TracedRef<Node> Make(in TracedScope scope) => scope.New<Node>();

    private static TracedHandle<byte> KeepCell(TracedHeap heap, int words, Fill fill)
    {
        using TracedScope scope = heap.Enter();
        TracedRef<byte> cell = Cell.Make(scope, words);
        fill(scope, cell.Address, words);
        return scope.Keep(cell);
    }

    private static void AssertCensus(TracedHeap heap, int words, int others) =>
        Assert.Equal(words * 8 > 32_768 ? (others, 1L) : (others + 1L, 0L), TracedCensus.Take(heap));

    private static TracedHandle<byte> KeepCalling(TracedHeap heap)
    {
        using TracedScope scope = heap.Enter();
        return scope.Keep(scope.NewBytes(TracedLayout.Custom(&CallInTrace), 16));
    }

    private static void CallInTrace(nint block, TracedVisitor context) => t_inTrace?.Invoke();

    private static InvalidOperationException? CollectWith(TracedHeap heap, Action inTrace)
    {
        t_inTrace = inTrace;
        try
        {
            return Assert.Throws<InvalidOperationException>(heap.Collect);
        }
        finally
        {
            t_inTrace = null;
        }
    }

    private static void AssertRefused<TError>(TracedHeap heap, TracedLayout layout, long byteCount)
        where TError : Exception
    {
        Assert.Throws<TError>(() =>
        {
            using TracedScope scope = heap.Enter();
            scope.NewBytes(layout, byteCount);
        });
    }

    private delegate void Fill(TracedScope scope, nint cell, int words);

    // Of its two references it has the one that it says.
    private struct Either : ITraced<Either>
    {
        public Traced<Node> Left;
        public Traced<Node> Right;
        public long UsesRight;

        public static TracedLayout Layout { get; } = TracedLayout.Custom(&Trace);

        private static void Trace(nint block, TracedVisitor context)
        {
            Either* either = (Either*)block;
            if (either->UsesRight != 0)
            {
                context.Visit(either->Right);
            }
            else
            {
                context.Visit(either->Left);
            }
        }
    }
}
