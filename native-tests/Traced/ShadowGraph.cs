using SpanHeap.Tests.Support;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Traced;

/// <summary>Blocks that refer to each other at random, and the same graph in managed memory. One thread at a time.</summary>
/// <param name="heap">The heap.</param>
/// <param name="seed">Decides what happens.</param>
/// <param name="entries">Values that blocks of the graph have as keys of a weak dictionary; null for none.</param>
internal sealed class ShadowGraph(TracedHeap heap, ulong seed, ShadowEntries? entries = null)
{
    private const int Roots = 128;
    private const int OperationsPerScope = 24;

    private readonly StressRandom _random = new(seed);
    private readonly TracedHandle<Node>[] _handles = new TracedHandle<Node>[Roots];
    private readonly ShadowNode?[] _roots = new ShadowNode?[Roots];
    private long _values = (long)(seed << 40);

    public long SmallMade { get; private set; }

    public long LargeMade { get; private set; }

    /// <summary>Does so many random operations, in scopes; collects between two of them once in so many scopes.</summary>
    public void Churn(int operations, int scopesPerCollection)
    {
        for (int done = 0; done < operations; done += OperationsPerScope)
        {
            TracedScope scope = heap.Enter();
            for (int i = 0; i < OperationsPerScope; i++)
            {
                Operate(scope);
                if (_random.OneIn(300))
                {
                    scope.Yield();
                }
            }

            scope.Dispose();
            if (_random.OneIn(scopesPerCollection))
            {
                heap.Collect();
                heap.FinishSweeping();
            }

            if (_random.OneIn(400))
            {
                // Outside of any scope.
                DropAll();
            }
        }
    }

    /// <summary>Looks at all that can be reached, also by way of values, after all that cannot has been collected.</summary>
    /// <returns>How many blocks that are, with those of the dictionary.</returns>
    public int CountReachable()
    {
        using TracedScope scope = heap.Enter();
        Dictionary<ShadowNode, nint> places = [];
        Stack<ShadowNode> open = [];
        for (int i = 0; i < Roots; i++)
        {
            if (_roots[i] is { } root)
            {
                Meet(places, open, root, _handles[i].Get(scope).Address);
            }
        }

        while (open.TryPop(out ShadowNode? node))
        {
            TracedRef<Node> block = new(places[node]);
            Assert.Equal(node.Value, block.Value.Value);
            Meet(places, open, node.Left, block.Value.Left.Get(scope).Address);
            Meet(places, open, node.Right, block.Value.Right.Get(scope).Address);
            if (entries != null)
            {
                TracedRef<Node> value = entries.Get(scope, block, node, out ShadowNode? shadow);
                Meet(places, open, shadow, value.Address);
            }
        }

        entries?.Forget(scope, places.ContainsKey);

        Assert.Equal(places.Count, places.Values.Distinct().Count());
        return places.Count + (entries?.Blocks ?? 0);
    }

    public void DropAll()
    {
        for (int i = 0; i < Roots; i++)
        {
            Drop(i);
        }
    }

    private static void Meet(Dictionary<ShadowNode, nint> places, Stack<ShadowNode> open, ShadowNode? node, nint address)
    {
        Assert.Equal(node == null, address == 0);
        if (node == null)
        {
            return;
        }

        if (places.TryAdd(node, address))
        {
            open.Push(node);
            return;
        }

        Assert.Equal(places[node], address);
    }

    private void Operate(TracedScope scope)
    {
        int root = _random.Below(Roots);
        switch (_random.Below(16))
        {
            case < 7:
                Create(scope, root);
                break;
            case < 11:
                Link(scope, root, _random.Below(Roots));
                break;
            case < 12:
                Unlink(scope, root);
                break;
            case < 13:
                Drop(root);
                break;
            case < 14:
                Waste(scope);
                break;
            default:
                Follow(scope, root);
                break;
        }
    }

    // Changes what blocks have as keys, or takes something out of it.
    private void Follow(TracedScope scope, int root)
    {
        TracedRef<Node> key = Walk(scope, root, out ShadowNode? shadow);
        if (entries == null || shadow == null)
        {
            return;
        }

        switch (_random.Below(8))
        {
            case < 4:
                TracedRef<Node> other = Walk(scope, _random.Below(Roots), out ShadowNode? value);
                entries.Set(scope, key, shadow, other, value);
                break;
            case < 5:
                entries.Remove(scope, key, shadow);
                break;
            case < 7:
                Take(scope, root, entries.Get(scope, key, shadow, out ShadowNode? found), found);
                break;
            default:
                Take(scope, root, entries.Enumerate(scope, _random.Below(50), out ShadowNode? given), given);
                break;
        }
    }

    private void Take(TracedScope scope, int root, TracedRef<Node> node, ShadowNode? shadow)
    {
        if (shadow != null)
        {
            Check(shadow, node);
            _handles[root].Set(scope, node);
            _roots[root] = shadow;
        }
    }

    private void Create(TracedScope scope, int root)
    {
        TracedRef<Node> node = scope.New<Node>();
        Assert.True(node.Value.Value == 0 && node.Value.Left.IsNull && node.Value.Right.IsNull);
        ShadowNode shadow = new(++_values);
        SmallMade++;
        node.Value.Value = shadow.Value;
        node.Value.Left.Set(scope, Walk(scope, root, out ShadowNode? left));
        shadow.Left = left;
        node.Value.Right.Set(scope, Walk(scope, _random.Below(Roots), out ShadowNode? right));
        shadow.Right = right;
        if (_roots[root] == null)
        {
            _handles[root] = scope.Keep(node);
        }
        else
        {
            _handles[root].Set(scope, node);
        }

        _roots[root] = shadow;
    }

    private void Link(TracedScope scope, int from, int to)
    {
        TracedRef<Node> source = Walk(scope, from, out ShadowNode? shadow);
        TracedRef<Node> target = Walk(scope, to, out ShadowNode? other);
        if (shadow == null)
        {
            return;
        }

        if (_random.OneIn(2))
        {
            source.Value.Left.Set(scope, target);
            shadow.Left = other;
        }
        else
        {
            source.Value.Right.Set(scope, target);
            shadow.Right = other;
        }
    }

    private void Unlink(TracedScope scope, int root)
    {
        TracedRef<Node> node = Walk(scope, root, out ShadowNode? shadow);
        if (shadow != null)
        {
            node.Value.Left.Set(scope, default);
            node.Value.Right.Set(scope, default);
            shadow.Left = shadow.Right = null;
        }
    }

    private void Drop(int root)
    {
        _handles[root].Dispose();
        _handles[root] = default;
        _roots[root] = null;
    }

    // Blocks of other span classes and sizes that nothing keeps.
    private void Waste(TracedScope scope)
    {
        bool large = _random.OneIn(200);
        int length = large ? 20_000 + _random.Below(20_000) : _random.Below(300);
        TracedRef<TracedArray<Node>> array = scope.NewArray<Node>(length);
        for (int i = 0; i < length; i += 7)
        {
            Assert.True(array.Value[i].IsNull);
            array.Value[i].Set(scope, Walk(scope, i % Roots, out _));
        }

        SmallMade += large ? 0 : 1;
        LargeMade += large ? 1 : 0;
    }

    private TracedRef<Node> Walk(in TracedScope scope, int root, out ShadowNode? shadow)
    {
        shadow = _roots[root];
        if (shadow == null)
        {
            return default;
        }

        TracedRef<Node> node = _handles[root].Get(scope);
        for (int steps = _random.Below(6); steps > 0; steps--)
        {
            Check(shadow, node);
            bool left = _random.OneIn(2);
            ShadowNode? next = left ? shadow.Left : shadow.Right;
            if (next == null)
            {
                break;
            }

            node = left ? node.Value.Left.Get(scope) : node.Value.Right.Get(scope);
            shadow = next;
        }

        Check(shadow, node);
        return node;
    }

    private static void Check(ShadowNode shadow, TracedRef<Node> node)
    {
        if (node.IsNull || node.Value.Value != shadow.Value)
        {
            Assert.Fail($"A block that is reachable has {(node.IsNull ? "gone" : node.Value.Value)} instead of {shadow.Value}.");
        }
    }
}
