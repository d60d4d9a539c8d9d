using SpanHeap.Tests.Traced.Collections;
using SpanHeap.Traced;
using SpanHeap.Traced.Marking;

namespace SpanHeap.Tests.Traced.Marking;

/// <summary>How marking follows weak entries: in steps that grow with their number alone, with or without memory, and with several markers.</summary>
public sealed unsafe class WeakEntryMarkingTests
{
    private const int Length = 100_000;
    private static bool s_refuses;

    private static readonly TracedLayout s_layout = TracedLayout.Custom(&Trace);

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    public void A_chain_in_adverse_order_takes_steps_for_each_entry_and_not_for_each_pair(int parts)
    {
        using TracedHeap heap = TracedHeaps.Still();
        List<TracedHandle<TracedWeakDictionary<Node, Node>>> dictionaries = [];
        TracedHandle<Node> first;
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < parts; i++)
            {
                dictionaries.Add(scope.Keep(scope.New<TracedWeakDictionary<Node, Node>>()));
            }

            TracedRef<Node> next = scope.Null<Node>();
            for (int i = 0; i < Length; i++)
            {
                TracedRef<Node> key = scope.New<Node>();
                TracedRef<Node> value = scope.New<Node>();
                value.Value.Left.Set(scope, next);
                dictionaries[i % parts].Get(scope).Value.Add(scope, key, value);
                next = key;
            }

            first = scope.Keep(next);
        }

        heap.Collect();
        Assert.Equal(Length, dictionaries.Sum(dictionary => WeakDictionaries.CountOf(heap, dictionary)));

        // Four looks at each place of the arrays, which may have room for twice as many, and at most three at the index for each key and value.
        Assert.InRange(heap.Parts.Team.Weak.Steps, Length, (4 * 2 * Length) + (3 * 2 * Length));
        first.Dispose();
        heap.Collect();
        Assert.Equal(0, dictionaries.Sum(dictionary => WeakDictionaries.CountOf(heap, dictionary)));

        // Nothing leads to the first key, so one look is enough.
        Assert.InRange(heap.Parts.Team.Weak.Steps, Length, 2 * Length);
    }

    [Fact]
    [Trait("Concurrent", "Off")]
    public void Room_that_was_never_used_takes_no_steps()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedHandle<TracedWeakDictionary<Node, Node>> dictionary = WeakDictionaries.Make(heap);
        using TracedHandle<Node> key = Keep(heap);
        using (TracedScope scope = heap.Enter())
        {
            dictionary.Get(scope).Value.EnsureCapacity(scope, Length);
            dictionary.Get(scope).Value.Add(scope, key.Get(scope), scope.New<Node>());
        }

        heap.Collect();
        Assert.Equal((2L, 1L), (heap.Parts.Team.Weak.Steps, WeakDictionaries.CountOf(heap, dictionary)));
        using (TracedScope scope = heap.Enter())
        {
            dictionary.Get(scope).Value.Clear(scope);
        }

        heap.Collect();
        Assert.Equal(0, heap.Parts.Team.Weak.Steps);
    }

    [Fact]
    [Trait("Concurrent", "Off")]
    public void Entries_are_followed_in_a_dictionary_that_was_made_larger()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedHandle<TracedWeakDictionary<Node, Node>> dictionary = WeakDictionaries.Make(heap);
        using TracedHandle<Node> key = Keep(heap);
        using (TracedScope scope = heap.Enter())
        {
            dictionary.Get(scope).Value.Add(scope, key.Get(scope), WeakDictionaries.NewNode(scope, 5));
            dictionary.Get(scope).Value.EnsureCapacity(scope, 1000);
        }

        heap.CollectAndSweep();
        using (TracedScope scope = heap.Enter())
        {
            Assert.Equal(5, dictionary.Get(scope).Value.Get(scope, key.Get(scope)).Value.Value);
        }

        Assert.Equal(2L, heap.Parts.Team.Weak.Steps);
    }

    [Fact]
    [Trait("Concurrent", "Off")]
    public void A_dictionary_whose_values_lead_to_no_key_is_looked_at_twice()
    {
        const int Entries = 4;
        using TracedHeap heap = TracedHeaps.Still();
        using TracedHandle<TracedWeakDictionary<Node, Node>> dictionary = WeakDictionaries.Make(heap);
        using TracedRoots<Node> keys = heap.CreateRoots<Node>(Entries / 2);
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < Entries; i++)
            {
                TracedRef<Node> key = scope.New<Node>();
                dictionary.Get(scope).Value.Add(scope, key, scope.New<Node>());
                if (i % 2 == 0)
                {
                    keys.Set(scope, i / 2, key);
                }
            }
        }

        heap.Collect();
        Assert.Equal((2L * Entries, Entries / 2L), (heap.Parts.Team.Weak.Steps, WeakDictionaries.CountOf(heap, dictionary)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_chain_of_dictionaries_takes_steps_for_each_of_them_and_not_for_each_pair(bool sharesKey)
    {
        const int Dictionaries = 20_000;
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedWeakDictionary<Node, Node>> outermost;
        using (TracedScope scope = heap.Enter())
        {
            // Each value leads to the next dictionary, and to the key that it has there.
            TracedRef<Node> shared = scope.New<Node>();
            TracedRef<Node> key = shared;
            TracedRef<TracedWeakDictionary<Node, Node>> inner = scope.Null<TracedWeakDictionary<Node, Node>>();
            for (int i = 0; i < Dictionaries; i++)
            {
                TracedRef<Node> value = WeakDictionaries.NewNode(scope, i);
                value.Value.Left.Set(scope, inner.As<Node>());
                value.Value.Right.Set(scope, key);
                key = sharesKey ? shared : scope.New<Node>();
                inner = scope.New<TracedWeakDictionary<Node, Node>>();
                inner.Value.Add(scope, key, value);
                inner.Value.Add(scope, scope.New<Node>(), value);
            }

            outermost = scope.Keep(inner);
            scope.Keep(key);
        }

        heap.CollectAndSweep();
        Assert.InRange(heap.Parts.Team.Weak.Steps, Dictionaries, 40 * Dictionaries);
        using (TracedScope scope = heap.Enter())
        {
            int count = 0;
            for (TracedRef<TracedWeakDictionary<Node, Node>> next = outermost.Get(scope); !next.IsNull; count++)
            {
                Assert.Equal(1, next.Value.Count);
                foreach (TracedWeakEntry<Node, Node> entry in next.Value)
                {
                    next = entry.GetValue(scope).Value.Left.Get(scope).As<TracedWeakDictionary<Node, Node>>();
                    break;
                }
            }

            Assert.Equal(Dictionaries, count);
        }
    }

    [Fact]
    public void A_key_of_very_many_dictionaries_is_found_in_all_of_them()
    {
        const int Dictionaries = 5_000;
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedArray<TracedWeakDictionary<Node, Node>>> all;
        TracedHandle<TracedWeakDictionary<Node, Node>> leading = WeakDictionaries.Make(heap);
        TracedHandle<Node> first;
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> shared = scope.New<Node>();
            all = scope.Keep(scope.NewArray<TracedWeakDictionary<Node, Node>>(Dictionaries));
            for (int i = 0; i < Dictionaries; i++)
            {
                TracedRef<TracedWeakDictionary<Node, Node>> one = scope.New<TracedWeakDictionary<Node, Node>>();
                one.Value.Add(scope, shared, WeakDictionaries.NewNode(scope, i));
                all.Get(scope).Value[i].Set(scope, one);
            }

            TracedRef<Node> key = scope.New<Node>();
            TracedRef<Node> value = scope.New<Node>();
            value.Value.Right.Set(scope, shared);
            leading.Get(scope).Value.Add(scope, key, value);
            first = scope.Keep(key);
        }

        heap.CollectAndSweep();
        Assert.InRange(heap.Parts.Team.Weak.Steps, Dictionaries, 20 * Dictionaries);
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> shared = leading.Get(scope).Value.Get(scope, first.Get(scope)).Value.Right.Get(scope);
            for (int i = 0; i < Dictionaries; i++)
            {
                Assert.Equal(i, all.Get(scope).Value[i].Get(scope).Value.Get(scope, shared).Value.Value);
            }
        }
    }

    [Fact]
    public void Without_memory_for_an_index_the_same_lives()
    {
        const int Short = 300;
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        using (TracedScope scope = heap.Enter())
        {
            scope.Keep(WeakDictionaries.AddChain(scope, kept.Get(scope), kept.Get(scope), Short));
            for (int i = 0; i < Short; i++)
            {
                kept.Get(scope).Value.Add(scope, scope.New<Node>(), scope.New<Node>());
            }
        }

        heap.Core.Os.FailAfter(0);
        heap.Collect();
        heap.Core.Os.FailAfter(-1);
        Assert.InRange(heap.Parts.Team.Weak.Steps, Short * Short, long.MaxValue);
        heap.FinishSweeping();
        heap.Verify();
        Assert.Equal(Short, WeakDictionaries.CountOf(heap, kept));
        nuint reserved = heap.Core.Metadata.ReservedBytes;
        heap.CollectAndSweep();
        Assert.InRange(heap.Parts.Team.Weak.Steps, Short, 20 * Short);
        Assert.Equal(reserved, heap.Core.Metadata.ReservedBytes);
    }

    [Fact]
    public void Without_memory_to_queue_pages_the_values_of_keys_that_are_found_late_live()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < 20; i++)
            {
                scope.Keep(WeakDictionaries.AddChain(scope, kept.Get(scope), kept.Get(scope), Length / 20));
            }
        }

        List<nint> chunks = [];
        heap.Core.Os.FailAfter(0);
        for (MarkChunk* chunk = heap.Parts.Team.Queue.Chunks.Take(); chunk != null; chunk = heap.Parts.Team.Queue.Chunks.Take())
        {
            chunks.Add((nint)chunk);
        }

        chunks[..2].ForEach(chunk => heap.Parts.Team.Queue.Chunks.Give((MarkChunk*)chunk));
        heap.Core.Os.FailAfter(-1);
        WideArrays(heap);
        heap.Core.Os.FailAfter(0);
        heap.Collect();
        heap.Core.Os.FailAfter(-1);
        chunks[2..].ForEach(chunk => heap.Parts.Team.Queue.Chunks.Give((MarkChunk*)chunk));
        Assert.InRange(heap.Parts.Team.Repair.LastWalks, 1, 1000);
        heap.FinishSweeping();
        heap.Verify();
        Assert.Equal(Length, WeakDictionaries.CountOf(heap, kept));
    }

    [Fact]
    [Trait("Concurrent", "Off")]
    public void Several_markers_note_each_array_once()
    {
        // As many live bytes as make helpers worth their while.
        const int Dictionaries = 40_000;
        using TracedHeap heap = new(new TracedHeapOptions { MinimumBytes = nuint.MaxValue >> 2, ScavengeDelay = Timeout.InfiniteTimeSpan, VerifyMarking = true, MarkThreads = 4 });
        TracedHandle<TracedArray<TracedWeakDictionary<Node, Node>>> all;
        using (TracedScope scope = heap.Enter())
        {
            all = scope.Keep(scope.NewArray<TracedWeakDictionary<Node, Node>>(Dictionaries));
            for (int i = 0; i < Dictionaries; i++)
            {
                TracedRef<TracedWeakDictionary<Node, Node>> one = scope.New<TracedWeakDictionary<Node, Node>>();
                one.Value.Add(scope, one.As<Node>(), WeakDictionaries.NewNode(scope, i));
                one.Value.Add(scope, scope.New<Node>(), scope.New<Node>());
                all.Get(scope).Value[i].Set(scope, one);
            }
        }

        // At the second time one thread may be enough: which one is better is tried in turn.
        for (int round = 0; round < 3; round++)
        {
            heap.Collect();

            // Two looks at two entries, the second in vain: an array that was noted twice would have more.
            Assert.Equal(2 * 2 * Dictionaries, heap.Parts.Team.Weak.Steps);
        }

        using (TracedScope scope = heap.Enter())
        {
            for (int i = 0; i < Dictionaries; i++)
            {
                TracedRef<TracedWeakDictionary<Node, Node>> one = all.Get(scope).Value[i].Get(scope);
                Assert.Equal((1, i), (one.Value.Count, one.Value.Get(scope, one.As<Node>()).Value.Value));
            }
        }
    }

    [Fact]
    public void A_marking_that_is_given_up_forgets_the_arrays_that_it_has_reached()
    {
        using TracedHeap heap = TracedHeaps.Still();
        TracedHandle<TracedWeakDictionary<Node, Node>> kept = WeakDictionaries.Make(heap);
        using (TracedScope scope = heap.Enter())
        {
            TracedRef<Node> key = WeakDictionaries.AddChain(scope, kept.Get(scope), kept.Get(scope), 100);
            scope.Keep(key);

            // The marker comes to it after it has reached the array.
            TracedRef<Node> another = scope.New<Node>();
            kept.Get(scope).Value.Add(scope, another, scope.NewBytes(s_layout, 32).As<Node>());
            scope.Keep(another);
        }

        s_refuses = true;
        Assert.Throws<InvalidOperationException>(heap.Collect);
        s_refuses = false;
        Assert.True(heap.Parts.Team.Weak.IsEmpty);
        heap.CollectAndSweep();
        Assert.Equal(101, WeakDictionaries.CountOf(heap, kept));
        kept.Dispose();
        heap.CollectAndSweep();
        Assert.Equal((2L, 0L), TracedCensus.Take(heap));
    }

    // More pages than two chunks have room for.
    private static void WideArrays(TracedHeap heap)
    {
        using TracedScope scope = heap.Enter();
        TracedRef<TracedArray<TracedArray<Node>>> outer = scope.NewArray<TracedArray<Node>>(2000);
        scope.Keep(outer);
        for (int i = 0; i < 2000; i++)
        {
            outer.Value[i].Set(scope, scope.NewArray<Node>(1000));
        }
    }

    private static void Trace(nint block, TracedVisitor visitor)
    {
        if (s_refuses)
        {
            throw new NotSupportedException();
        }
    }

    private static TracedHandle<Node> Keep(TracedHeap heap)
    {
        using TracedScope scope = heap.Enter();
        return scope.Keep(scope.New<Node>());
    }
}
