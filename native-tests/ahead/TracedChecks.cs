namespace SpanHeap.Tests.Ahead;

/// <summary>Traced memory, with layouts that the generator has written.</summary>
internal static class TracedChecks
{
    public static void What_nothing_reaches_goes()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Traced = true });
        using RootArray<Tree> roots = heap.CreateRootArray<Tree>(1);
        for (long key = 0; key < 10_000; key++)
        {
            using GcScope scope = heap.Enter();
            GcRef<Tree> tree = scope.New<Tree>();
            tree.Key = key;
            tree.Left = roots.Get(scope, 0);
            roots.Set(scope, 0, key == 9_000 ? default : tree);
        }

        heap.Collect();
        heap.FinishSweeping();
        heap.Verify();
        long freed = heap.GetTracedStatistics().SmallBlocksFreed;
        Expect.That(freed == 9_001, $"9,001 blocks go, and not {freed}");
        using GcScope last = heap.Enter();
        Expect.That(roots.Get(last, 0).Key == 9_999 && roots.Get(last, 0).Left.Key == 9_998, "what lives is as it was");
    }

    public static void Collections_of_blocks_hold_what_they_are_given()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Traced = true, Checks = HeapChecks.Full });
        using GcHandle<TracedList<int>> numbers = MakeList(heap);
        heap.Collect();
        using GcScope scope = heap.Enter();
        GcRef<TracedList<int>> list = numbers.Get(scope);
        long sum = 0;
        for (int i = 0; i < list.Value.Count; i++)
        {
            sum += list.Value[i];
        }

        Expect.That(sum == 5000L * 4999 / 2, "a list holds what was added");
    }

    public static void Weak_handles_and_clean_ups_tell_of_the_dead()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Traced = true });
        int cleaned = 0;
        using GcWeakHandle<Tree> weak = MakeDead(heap, () => cleaned++);
        heap.Collect();
        heap.RunCleanUps();
        using GcScope scope = heap.Enter();
        Expect.That(!weak.TryGet(scope, out _), "a weak handle of a dead block names nothing");
        Expect.That(cleaned == 1, "a clean-up runs once");
    }

    private static GcHandle<TracedList<int>> MakeList(NativeHeap heap)
    {
        using GcScope scope = heap.Enter();
        GcRef<TracedList<int>> list = scope.New<TracedList<int>>();
        for (int i = 0; i < 5000; i++)
        {
            list.Value.Add(scope, i);
        }

        return scope.Keep(list);
    }

    private static GcWeakHandle<Tree> MakeDead(NativeHeap heap, Action clean)
    {
        using GcScope scope = heap.Enter();
        GcRef<Tree> tree = scope.New<Tree>();
        scope.OnDead(tree, static clean => clean(), clean);
        return scope.KeepWeak(tree);
    }
}

/// <summary>A block of the program's.</summary>
[Traced]
internal partial struct Tree
{
    public Gc<Tree> Left;
    public Gc<Tree> Right;
    public long Key;
}
