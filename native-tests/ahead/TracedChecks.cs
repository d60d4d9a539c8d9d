using SpanHeap.Traced;

namespace SpanHeap.Tests.Ahead;

/// <summary>Traced memory, with layouts that the generator has written.</summary>
internal static class TracedChecks
{
    public static void What_nothing_reaches_goes()
    {
        using TracedHeap heap = new();
        using TracedRoots<Tree> roots = heap.CreateRoots<Tree>(1);
        for (long key = 0; key < 10_000; key++)
        {
            using TracedScope scope = heap.Enter();
            TracedRef<Tree> tree = scope.New<Tree>();
            tree.Key = key;
            tree.Left = roots.Get(scope, 0);
            roots.Set(scope, 0, key == 9_000 ? default : tree);
        }

        heap.Collect();
        heap.FinishSweeping();
        heap.Verify();
        long freed = heap.GetStatistics().SmallBlocksFreed;
        Expect.That(freed == 9_001, $"9,001 blocks go, and not {freed}");
        using TracedScope last = heap.Enter();
        Expect.That(roots.Get(last, 0).Key == 9_999 && roots.Get(last, 0).Left.Key == 9_998, "what lives is as it was");
    }

    public static void Collections_of_blocks_hold_what_they_are_given()
    {
        using TracedHeap heap = new(new TracedHeapOptions { Checks = HeapChecks.Full });
        using TracedHandle<TracedList<int>> numbers = MakeList(heap);
        heap.Collect();
        using TracedScope scope = heap.Enter();
        TracedRef<TracedList<int>> list = numbers.Get(scope);
        long sum = 0;
        for (int i = 0; i < list.Value.Count; i++)
        {
            sum += list.Value[i];
        }

        Expect.That(sum == 5000L * 4999 / 2, "a list holds what was added");
    }

    public static void Dictionaries_find_values_and_references_by_numbers_and_by_text()
    {
        using TracedHeap heap = new(new TracedHeapOptions { Checks = HeapChecks.Full });
        using TracedHandle<TracedDictionary<Traced<TracedString>, int>> lengths = MakeLengths(heap);
        using TracedHandle<TracedRefDictionary<long, Tree>> trees = MakeTrees(heap);
        heap.Collect();
        using TracedScope scope = heap.Enter();
        ref TracedDictionary<Traced<TracedString>, int> byText = ref lengths.Get(scope).Value;
        Expect.That(byText.TryGetValue(scope, "17"u8, out int seventeen) && seventeen == 17, "a text is found without a string");
        Expect.That(byText.Get(scope, scope.NewString("999")) == 999, "a string is found by its text");
        Expect.That(trees.Get(scope).Value.Get(scope, 900).Key == 900, "what a value refers to lives");
    }

    public static void Weak_handles_and_clean_ups_tell_of_the_dead()
    {
        using TracedHeap heap = new();
        int cleaned = 0;
        using TracedWeakHandle<Tree> weak = MakeDead(heap, () => cleaned++);
        heap.Collect();
        heap.RunCleanUps();
        using TracedScope scope = heap.Enter();
        Expect.That(!weak.TryGet(scope, out _), "a weak handle of a dead block names nothing");
        Expect.That(cleaned == 1, "a clean-up runs once");
    }

    private static TracedHandle<TracedList<int>> MakeList(TracedHeap heap)
    {
        using TracedScope scope = heap.Enter();
        TracedRef<TracedList<int>> list = scope.New<TracedList<int>>();
        for (int i = 0; i < 5000; i++)
        {
            list.Value.Add(scope, i);
        }

        return scope.Keep(list);
    }

    private static TracedHandle<TracedDictionary<Traced<TracedString>, int>> MakeLengths(TracedHeap heap)
    {
        using TracedScope scope = heap.Enter();
        TracedRef<TracedDictionary<Traced<TracedString>, int>> made = scope.New<TracedDictionary<Traced<TracedString>, int>>();
        for (int i = 0; i < 1000; i++)
        {
            made.Value.GetOrAddDefault(scope, scope.NewString($"{i}"), out _) = i;
        }

        return scope.Keep(made);
    }

    private static TracedHandle<TracedRefDictionary<long, Tree>> MakeTrees(TracedHeap heap)
    {
        using TracedScope scope = heap.Enter();
        TracedRef<TracedRefDictionary<long, Tree>> made = scope.New<TracedRefDictionary<long, Tree>>();
        for (long key = 0; key < 1000; key++)
        {
            TracedRef<Tree> tree = scope.New<Tree>();
            tree.Key = key;
            made.Value.Add(scope, key, tree);
        }

        return scope.Keep(made);
    }

    private static TracedWeakHandle<Tree> MakeDead(TracedHeap heap, Action clean)
    {
        using TracedScope scope = heap.Enter();
        TracedRef<Tree> tree = scope.New<Tree>();
        scope.OnDead(tree, static clean => clean(), clean);
        return scope.KeepWeak(tree);
    }
}

/// <summary>A block of the program's.</summary>
[Traced]
internal partial struct Tree
{
    public Traced<Tree> Left;
    public Traced<Tree> Right;
    public long Key;
}
