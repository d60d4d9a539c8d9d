using SpanHeap.Tests.Support;
using SpanHeap.Tests.Traced;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Face.BadInput;

/// <summary>The table of bad input to traced memory in the guide is true, line by line: each is tried here, and none stands there that is not.</summary>
public sealed class TracedTableTests
{
    // What a line says, by its first cell.
    private static readonly (string Line, Action<HeapChecks> Try)[] s_lines =
    [
        ("scope, handle or root array of another heap", UseThingsOfAnotherHeap),
        ("reference to a block of another heap, stored or as a key", StoreReferenceToAnotherHeap),
        ("weak key that refers to nothing", AddNothing),
        ("key that the dictionary has already, to `Add`", AddTwice),
        ("list or dictionary that changes while it is enumerated", ChangeInLoop),
    ];

    public static TheoryData<string, HeapChecks> Lines => GuideTable.WithEachChecks(s_lines.Select(static each => each.Line));

    [Theory]
    [MemberData(nameof(Lines))]
    public void The_line_is_true(string line, HeapChecks checks) => s_lines.First(each => each.Line == line).Try(checks);

    [Fact]
    public void Every_line_is_tried() => Assert.Equal(s_lines.Select(static each => each.Line), GuideTable.Traced);

    private static void UseThingsOfAnotherHeap(HeapChecks checks)
    {
        using TracedHeap heap = TracedHeaps.Still(checks);
        using TracedHeap other = TracedHeaps.Still(checks);
        using TracedHandle<Node> handle = Keep(other);
        using TracedRoots<Node> roots = other.CreateRoots<Node>(1);
        AssertRefused<InvalidOperationException>(heap, () =>
        {
            using TracedScope scope = heap.Enter();
            handle.Get(scope);
        });
        AssertRefused<InvalidOperationException>(heap, () =>
        {
            using TracedScope scope = heap.Enter();
            roots.Get(scope, 0);
        });
        AssertRefused<InvalidOperationException>(heap, () =>
        {
            using TracedScope scope = other.Enter();
            using TracedScope mine = heap.Enter();
            mine.New<TracedList<int>>().Value.Add(scope, 1);
        });
    }

    private static void StoreReferenceToAnotherHeap(HeapChecks checks)
    {
        using TracedHeap heap = TracedHeaps.Still(checks);
        using TracedHeap other = TracedHeaps.Still(checks);
        using TracedHandle<Node> mine = Keep(heap);
        using TracedHandle<Node> foreign = Keep(other);
        void Store()
        {
            using TracedScope theirs = other.Enter();
            using TracedScope scope = heap.Enter();
            mine.Get(scope).Value.Left.Set(scope, foreign.Get(theirs));
        }

        if (checks == HeapChecks.Full)
        {
            AssertRefused<HeapCorruptionException>(heap, Store);
            return;
        }

        Store();
        Assert.Throws<HeapCorruptionException>(heap.Verify);
    }

    private static void AddNothing(HeapChecks checks)
    {
        using TracedHeap heap = TracedHeaps.Still(checks);
        AssertRefused<ArgumentNullException>(heap, () =>
        {
            using TracedScope scope = heap.Enter();
            scope.New<TracedWeakDictionary<Node, Node>>().Value.Add(scope, scope.Null<Node>(), scope.New<Node>());
        });
    }

    private static void AddTwice(HeapChecks checks)
    {
        using TracedHeap heap = TracedHeaps.Still(checks);
        AssertRefused<ArgumentException>(heap, () =>
        {
            using TracedScope scope = heap.Enter();
            TracedRef<TracedDictionary<int, int>> numbers = scope.New<TracedDictionary<int, int>>();
            numbers.Value.Add(scope, 1, 1);
            numbers.Value.Add(scope, 1, 2);
        });
    }

    private static void ChangeInLoop(HeapChecks checks)
    {
        using TracedHeap heap = TracedHeaps.Still(checks);
        AssertRefused<InvalidOperationException>(heap, () =>
        {
            using TracedScope scope = heap.Enter();
            TracedRef<TracedList<int>> numbers = scope.New<TracedList<int>>();
            numbers.Value.Add(scope, 1);
            numbers.Value.Add(scope, 2);
            foreach (ref int number in numbers.Value)
            {
                numbers.Value.Add(scope, number);
            }
        });
    }

    private static TracedHandle<Node> Keep(TracedHeap heap)
    {
        using TracedScope scope = heap.Enter();
        return scope.Keep(scope.New<Node>());
    }

    private static void AssertRefused<T>(TracedHeap heap, Action call)
        where T : Exception
    {
        Assert.Throws<T>(call);
        heap.Verify();
    }
}
