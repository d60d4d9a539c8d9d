using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced.Collections;

public sealed class DictionaryMisuseTests
{
    [Fact]
    public void A_key_that_is_not_there_is_named()
    {
        Assert.Contains("'17'", AssertRefused<KeyNotFoundException>(static (scope, all) => all.Values.Value.Get(scope, 17)).Message, StringComparison.Ordinal);
        Assert.Contains("'17'", AssertRefused<KeyNotFoundException>(static (scope, all) => all.References.Value.Get(scope, 17)).Message, StringComparison.Ordinal);
        Assert.Contains(
            "'key'", AssertRefused<KeyNotFoundException>(static (scope, all) => all.Strings.Value.Get(scope, scope.NewString("key"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_that_is_there_is_not_added_again()
    {
        Assert.Contains("'1'", AssertRefused<ArgumentException>(static (scope, all) => all.Values.Value.Add(scope, 1, 5)).Message, StringComparison.Ordinal);
        Assert.Contains("Set", AssertRefused<ArgumentException>(static (scope, all) => all.References.Value.Add(scope, 1, default)).Message, StringComparison.Ordinal);
        AssertRefused<ArgumentException>(static (scope, all) => all.Strings.Value.Add(scope, scope.NewString("1"), default));
    }

    [Fact]
    public void A_string_that_is_none_is_no_key()
    {
        AssertRefused<ArgumentNullException>(static (scope, all) => all.Strings.Value.Add(scope, default(TracedRef<TracedString>), default));
        AssertRefused<ArgumentNullException>(static (scope, all) => all.Strings.Value.Set(scope, default(TracedRef<TracedString>), default));
        AssertRefused<ArgumentNullException>(static (scope, all) => all.Strings.Value.TryAdd(scope, default(TracedRef<TracedString>), default));
        AssertRefused<ArgumentNullException>(static (scope, all) => all.Strings.Value.Get(scope, default(TracedRef<TracedString>)));
        AssertRefused<ArgumentNullException>(static (scope, all) => all.Strings.Value.TryGetValue(scope, default(TracedRef<TracedString>), out _));
        AssertRefused<ArgumentNullException>(static (scope, all) => all.Strings.Value.ContainsKey(scope, default(TracedRef<TracedString>)));
        AssertRefused<ArgumentNullException>(static (scope, all) => all.Strings.Value.Remove(scope, default(TracedRef<TracedString>)));
    }

    [Fact]
    public void A_slot_that_refers_to_nothing_is_no_key()
    {
#pragma warning disable SPAN006 // What the rule refuses, the library refuses, too.
        AssertRefused<ArgumentNullException>(static (scope, all) => all.Strings.Value.Add(scope, default(Traced<TracedString>), default));
        AssertRefused<ArgumentNullException>(static (scope, all) => all.Strings.Value.ContainsKey(scope, default(Traced<TracedString>)));
#pragma warning restore SPAN006
    }

    [Fact]
    public void With_full_checks_only_blocks_are_keys()
    {
        AssertRefused<HeapCorruptionException>(static (scope, all) => all.Strings.Value.Add(scope, Wrong(all).As<TracedString>(), default));
        AssertRefused<HeapCorruptionException>(static (scope, all) => all.Strings.Value.ContainsKey(scope, Wrong(all).As<TracedString>()));
    }

    [Fact]
    public void Capacities_that_cannot_be_are_refused()
    {
        AssertRefused<ArgumentOutOfRangeException>(static (scope, all) => all.Values.Value.EnsureCapacity(scope, -1));
        AssertRefused<OutOfMemoryException>(static (scope, all) => all.Values.Value.EnsureCapacity(scope, 1L << 31));
    }

    [Fact]
    public void With_full_checks_only_blocks_are_stored()
    {
        AssertRefused<HeapCorruptionException>(static (scope, all) => all.References.Value.Add(scope, 17, Wrong(all)));
        AssertRefused<HeapCorruptionException>(static (scope, all) => all.References.Value.Set(scope, 1, Wrong(all)));
        AssertRefused<HeapCorruptionException>(static (scope, all) => all.Strings.Value.Add(scope, scope.NewString("17"), Wrong(all)));
    }

    [Fact]
    public void A_dictionary_that_changes_while_it_is_enumerated_says_so()
    {
        foreach (Use change in (Use[])
            [
                static (scope, all) => all.Values.Value.Add(scope, 17, 1), static (scope, all) => all.Values.Value.Set(scope, 17, 1),
                static (scope, all) => all.Values.Value.GetOrAddDefault(scope, 17, out _) = 1,
                static (scope, all) => all.Values.Value.Remove(scope, 1), static (scope, all) => all.Values.Value.Clear(scope),
                static (scope, all) => all.Values.Value.EnsureCapacity(scope, 1000),
            ])
        {
            InvalidOperationException refused = Assert.Throws<InvalidOperationException>(() =>
            {
                using TracedHeap heap = TracedHeaps.Still();
                using TracedScope scope = heap.Enter();
                All all = new(scope);
                foreach (TracedEntry<int, int> entry in all.Values.Value)
                {
                    change(scope, all);
                }
            });
            Assert.Contains("changed while it was enumerated", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void New_values_of_known_keys_do_not_end_an_enumeration()
    {
        using TracedHeap heap = TracedHeaps.Still();
        using TracedScope scope = heap.Enter();
        All all = new(scope);
        foreach (TracedEntry<int, int> entry in all.Values.Value)
        {
            all.Values.Value.Set(scope, entry.Key, 5);
            all.Values.Value.GetOrAddDefault(scope, entry.Key, out _)++;
            all.Values.Value.Remove(scope, 17);
        }

        Assert.Equal(6, all.Values.Value.Get(scope, 2));
    }

    [Fact]
    public void Keys_and_values_with_references_are_refused()
    {
        using TracedHeap heap = TracedHeaps.Still();
        Assert.Throws<InvalidOperationException>(() =>
        {
            using TracedScope scope = heap.Enter();
#pragma warning disable SPAN007 // What the rule refuses, the library refuses, too.
            scope.New<TracedDictionary<int, Node>>().Value.Add(scope, 1, default);
#pragma warning restore SPAN007
        });
        Assert.Throws<InvalidOperationException>(() =>
        {
            using TracedScope scope = heap.Enter();
#pragma warning disable SPAN006 // As above.
            scope.New<TracedRefDictionary<Traced<Node>, Node>>().Value.Add(scope, default, default);
#pragma warning restore SPAN006
        });
        heap.CollectAndSweep();
    }

    // An address within a block is none that can be stored.
    private static TracedRef<Node> Wrong(All all) => new(all.Values.Address + 8);

    private static TException AssertRefused<TException>(Use use)
        where TException : Exception
    {
        using TracedHeap heap = TracedHeaps.Still(HeapChecks.Full);
        TracedHandle<TracedDictionary<int, int>> values;
        TracedHandle<TracedRefDictionary<int, Node>> references;
        TracedHandle<TracedRefDictionary<Traced<TracedString>, Node>> strings;
        using (TracedScope scope = heap.Enter())
        {
            All all = new(scope);
            (values, references, strings) = (scope.Keep(all.Values), scope.Keep(all.References), scope.Keep(all.Strings));
        }

        TException refused = Assert.Throws<TException>(() =>
        {
            using TracedScope scope = heap.Enter();
            use(scope, new All(values.Get(scope), references.Get(scope), strings.Get(scope)));
        });
        heap.CollectAndSweep();
        using TracedScope look = heap.Enter();
        AssertUntouched(look, new All(values.Get(look), references.Get(look), strings.Get(look)));
        return refused;
    }

    private static void AssertUntouched(scoped in TracedScope scope, All all)
    {
        Assert.Equal((10L, 10L, 10L), (all.Values.Value.Count, all.References.Value.Count, all.Strings.Value.Count));
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(i, all.Values.Value.Get(scope, i));
            Assert.Equal(i, all.References.Value.Get(scope, i).Value.Value);
            Assert.Equal(i, all.Strings.Value.Get(scope, scope.NewString($"{i}")).Value.Value);
        }
    }

    private delegate void Use(TracedScope scope, All all);

    /// <summary>One dictionary of each sort, with the keys from 0 to 9.</summary>
    private readonly ref struct All
    {
        public All(TracedRef<TracedDictionary<int, int>> values, TracedRef<TracedRefDictionary<int, Node>> references, TracedRef<TracedRefDictionary<Traced<TracedString>, Node>> strings)
        {
            Values = values;
            References = references;
            Strings = strings;
        }

        public All(in TracedScope scope)
            : this(scope.New<TracedDictionary<int, int>>(), scope.New<TracedRefDictionary<int, Node>>(), scope.New<TracedRefDictionary<Traced<TracedString>, Node>>())
        {
            for (int i = 0; i < 10; i++)
            {
                TracedRef<Node> node = ReferenceDictionaryTests.NewNode(scope, i);
                Values.Value.Add(scope, i, i);
                References.Value.Add(scope, i, node);
                Strings.Value.Add(scope, scope.NewString($"{i}"), node);
            }
        }

        public TracedRef<TracedDictionary<int, int>> Values { get; }

        public TracedRef<TracedRefDictionary<int, Node>> References { get; }

        public TracedRef<TracedRefDictionary<Traced<TracedString>, Node>> Strings { get; }
    }
}
