using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Perf.Traced.Workers;
using SpanHeap.Traced;

namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>The nodes as traced blocks: a scope for each tree, so that collections pass between.</summary>
internal sealed class SpanHeapGcBench(SpanHeapSession session) : IGcBench
{
    // Disposed with their heap.
    private TracedHandle<Node> _tree;
    private TracedHandle<Numbers> _numbers;

    public void BuildDown(int depth)
    {
        using TracedScope scope = session.Enter();
        Populate(in scope, depth, scope.New<Node>());
    }

    public void BuildUp(int depth)
    {
        using TracedScope scope = session.Enter();
        Build(in scope, depth);
    }

    public void KeepTree(int depth)
    {
        using TracedScope scope = session.Enter();
        TracedRef<Node> root = scope.New<Node>();
        Populate(in scope, depth, root);
        _tree = scope.Keep(root);
    }

    public void KeepNumbers(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Numbers.Length);
        using TracedScope scope = session.Enter();
        TracedRef<Numbers> numbers = scope.New<Numbers>();
        for (int i = 0; i < length / 2; i++)
        {
            numbers.Value.At(i) = GcBench.NumberAt(i);
        }

        _numbers = scope.Keep(numbers);
    }

    public long CountKeptTree()
    {
        using TracedScope scope = session.Enter();
        return Count(in scope, _tree.Get(in scope));
    }

    public double NumberAt(int index)
    {
        using TracedScope scope = session.Enter();
        return _numbers.Get(in scope).Value.At(index);
    }

    private static void Populate(scoped in TracedScope scope, int depth, TracedRef<Node> node)
    {
        if (depth == 0)
        {
            return;
        }

        node.Value.Left.Set(in scope, scope.New<Node>());
        node.Value.Right.Set(in scope, scope.New<Node>());
        Populate(in scope, depth - 1, node.Value.Left.Get(in scope));
        Populate(in scope, depth - 1, node.Value.Right.Get(in scope));
    }

    private static TracedRef<Node> Build(in TracedScope scope, int depth)
    {
        if (depth == 0)
        {
            return scope.New<Node>();
        }

        TracedRef<Node> left = Build(in scope, depth - 1);
        TracedRef<Node> right = Build(in scope, depth - 1);
        TracedRef<Node> node = scope.New<Node>();
        node.Value.Left.Set(in scope, left);
        node.Value.Right.Set(in scope, right);
        return node;
    }

    private static long Count(scoped in TracedScope scope, TracedRef<Node> node)
    {
        TracedRef<Node> left = node.Value.Left.Get(in scope);
        return left.IsNull ? 1 : 1 + Count(in scope, left) + Count(in scope, node.Value.Right.Get(in scope));
    }

    private struct Node : ITraced<Node>
    {
        public Traced<Node> Left;
        public Traced<Node> Right;
#pragma warning disable CS0649 // There for their size, as in the original.
        public int First;
        public int Second;
#pragma warning restore CS0649

        public static TracedLayout Layout { get; } = TracedLayout.OfFields(24, 0, 8);
    }

    [StructLayout(LayoutKind.Explicit, Size = Length * sizeof(double))]
    private struct Numbers : ITraced<Numbers>
    {
        public const int Length = 500_000;

        [FieldOffset(0)]
        private double _first;

        public static TracedLayout Layout => TracedLayout.NoPointers;

        [UnscopedRef]
        public ref double At(int index) => ref Unsafe.Add(ref _first, index);
    }
}
