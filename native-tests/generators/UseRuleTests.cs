namespace SpanHeap.Generators.Tests;

/// <summary>What is refused of code that uses traced memory: SPAN006 to SPAN013.</summary>
public sealed class UseRuleTests
{
    private const string Tree = "[Traced] public partial struct Tree { public Gc<Tree> Left; public Gc<Tree> Right; public long Key; }\n";

    [Theory]
    [InlineData("node.Value.Left = node.Value.Right", true)]
    [InlineData("node.Value.Left = default", true)]
    [InlineData("var [|copy|] = node.Value.Left", false)]
    [InlineData("Console.WriteLine([|node.Value.Left|])", false)]
    [InlineData("Take([|node.Value.Left|])", false)]
    [InlineData("unsafe { void* p = [|System.Runtime.CompilerServices.Unsafe.AsPointer(ref node.Value.Left)|]; }", false)]
    [InlineData("[|System.Runtime.CompilerServices.Unsafe.As<Gc<Tree>, nint>(ref node.Value.Left)|] = 3", false)]
    [InlineData("unsafe { fixed (Gc<Tree>* p = [|&node.Value.Left|]) { } }", false)]
    [InlineData("_ = [|new Gc<Tree>[3]|]", false)]
    public void A_slot_is_not_copied(string statement, bool isWhole) =>
        Check.Refused("SPAN006", InMethod(isWhole ? $"[|{statement}|];" : statement + ";"));

    [Theory]
    [InlineData("static void M(Gc<Tree> [|slot|]) { }")]
    [InlineData("static Gc<Tree> [|M|]() => throw new NotSupportedException();")]
    [InlineData("static Gc<Tree> [|M|] => throw new NotSupportedException();")]
    public void A_slot_is_no_value_of_a_signature(string member) => Check.Refused("SPAN006", Tree + $"static class C {{ {member} }}");

    [Theory]
    [InlineData("var [|copy|] = node.Value;")]
    [InlineData("[|node.Value = default|];")]
    [InlineData("[|node.Value = new Tree { Key = 3 }|];")]
    [InlineData("Take([|node.Value|]);")]
    [InlineData("_ = [|new Tree[3]|];")]
    [InlineData("TracedString [|text|] = scope.NewString(\"a\").Value;")]
    [InlineData("TracedArray<Tree> [|array|] = scope.NewArray<Tree>(3).Value;")]
    public void A_traced_struct_is_not_copied(string statement) => Check.Refused("SPAN007", InMethod(statement));

    [Theory]
    [InlineData("static void M(Tree [|tree|]) { }")]
    [InlineData("static Tree [|M|]() => throw new NotSupportedException();")]
    public void A_traced_struct_is_no_value_of_a_signature(string member) => Check.Refused("SPAN007", Tree + $"static class C {{ {member} }}");

    [Theory]
    [InlineData("[|s_address = node.Address|];")]
    [InlineData("[|s_address = (nint)(long)node.Address|];")]
    public void An_address_is_not_stored(string statement) => Check.Refused("SPAN008", InMethod(statement));

    [Theory]
    [InlineData("static GcRef<Tree> M(NativeHeap heap) { using GcScope scope = heap.Enter(); GcRef<Tree> made = scope.New<Tree>(); return [|made|]; }")]
    [InlineData("static GcRef<Tree> M(NativeHeap heap) { using (GcScope scope = heap.Enter()) { return [|scope.New<Tree>()|]; } }")]
    [InlineData("static long M(NativeHeap heap) { GcRef<Tree> made; using (GcScope scope = heap.Enter()) { [|made = scope.New<Tree>()|]; } return made.Key; }")]
    [InlineData("static long M(NativeHeap heap) { GcRef<Tree> made; { using GcScope scope = heap.Enter(); [|made = scope.New<Tree>()|]; } return made.Key; }")]
    [InlineData("static long M(NativeHeap heap) { GcScope scope = heap.Enter(); GcRef<Tree> made = scope.New<Tree>(); scope.Dispose(); return [|made|].Key; }")]
    [InlineData("static long M(NativeHeap heap) { using GcScope scope = heap.Enter(); GcRef<Tree> made = scope.New<Tree>(); scope.Yield(); return [|made|].Key; }")]
    [InlineData("static long M(NativeHeap heap, bool now) { using GcScope scope = heap.Enter(); GcRef<Tree> made = scope.New<Tree>(); if (now) { scope.Yield(); } return [|made|].Key; }")]
    [InlineData("static long M(NativeHeap heap) { using (GcScope first = heap.Enter()) { first.New<Tree>(); } using GcScope scope = heap.Enter(); GcRef<Tree> made = scope.New<Tree>(); { scope.Yield(); } long key = 3; return key + [|made|].Key; }")]
    [InlineData("static void M(NativeHeap heap) { using GcScope scope = heap.Enter(); GcRef<Tree> made = scope.New<Tree>(); scope.Yield(); made = [|made|].Left; }")]
    public void A_reference_stays_in_its_scope(string method) => Check.Refused("SPAN009", Tree + $"static class C {{ {method} }}");

    [Fact]
    public void Who_is_given_a_reference_may_return_one() => Check.Accepted(
        Tree + "static class C { static GcRef<Tree> Next(NativeHeap heap, GcRef<Tree> tree) { using GcScope own = heap.Enter(); own.New<Tree>(); return tree; } static GcRef<Tree> Left(GcRef<Tree> tree) => tree.Left; }");

    [Theory]
    [InlineData("GcScope [|second|] = scope; second.Yield();")]
    public void A_scope_is_not_copied(string statements) => Check.Refused("SPAN010", InMethod(statements));

    [Theory]
    [InlineData("[|heap.Enter()|];")]
    [InlineData("_ = [|heap.Enter()|];")]
    [InlineData("GcScope other = [|heap.Enter()|]; other.Yield();")]
    public void A_scope_is_ended(string statements) => Check.Refused("SPAN011", InMethod(statements));

    [Theory]
    [InlineData("[|Thread.Sleep(1)|];")]
    [InlineData("lock ([|s_lock|]) { }")]
    [InlineData("[|s_task.Wait()|];")]
    [InlineData("_ = [|s_task.Result|];")]
    [InlineData("[|s_task.GetAwaiter().GetResult()|];")]
    [InlineData("[|Thread.CurrentThread.Join()|];")]
    [InlineData("if (node.IsNull) { [|s_event.WaitOne()|]; }")]
    [InlineData("_ = [|s_event.WaitOne(10)|];")]
    [InlineData("[|Thread.Sleep(TimeSpan.FromSeconds(0.5))|];")]
    [InlineData("if (node.IsNull) { scope.Dispose(); } [|Thread.Sleep(1)|];")]
    [InlineData("for (int i = 0; i < 2; i++) { [|Thread.Sleep(1)|]; scope.Dispose(); }")]
    [InlineData("using GcScope inner = heap.Enter(); inner.Dispose(); [|Thread.Sleep(1)|];")]
    public void Nothing_is_waited_for_within_a_scope(string statement) => Check.Refused("SPAN012", InMethod(statement));

    [Theory]
    [InlineData("GcHandle<Tree> [|kept|] = scope.Keep(node); kept.Get(scope).Key = 3;")]
    [InlineData("RootArray<Tree> [|roots|] = heap.CreateRootArray<Tree>(3); roots.Set(scope, 0, node);")]
    public void A_handle_is_disposed(string statements) => Check.Refused("SPAN013", InMethod(statements));

    [Theory]
    [InlineData("ref Tree tree = ref node.Value; ref Gc<Tree> slot = ref tree.Left; slot.Set(scope, slot.Get(scope)); Pass(ref slot); Pass(ref node.Value.Right);")]
    [InlineData("int bytes = System.Runtime.CompilerServices.Unsafe.SizeOf<Tree>(); bool isNull = node.Value.Left.IsNull; long key = node.Value.Key; node.Value.Key = key + bytes; _ = isNull;")]
    [InlineData("GcRef<Tree> other = node.Left; other = other.Left; node.Left = other; nint address = node.Address; Console.WriteLine(address);")]
    [InlineData("GcRef<Tree> other = node; scope.Yield(); other = scope.New<Tree>(); other.Key = 3;")]
    [InlineData("GcRef<Tree> other = node; if (other.IsNull) { scope.Yield(); return; } other.Key = 3;")]
    [InlineData("GcRef<Tree> other = default; using (GcScope inner = heap.Enter()) { other = default; } _ = other.IsNull;")]
    [InlineData("GcScope inner = heap.Enter(); inner.Dispose(); node.Key = 3; heap.Enter().Dispose(); End(heap.Enter());")]
    [InlineData("using NativeHeap second = new(); using GcScope far = second.Enter(); GcRef<Tree> other = far.New<Tree>(); scope.Yield(); other.Key = 3;")]
    [InlineData("GcScope inner = heap.Enter(); GcScope last = heap.Enter(); GcRef<Tree> other = inner.New<Tree>(); last.Dispose(); other.Key = 3; inner.Dispose();")]
    [InlineData("GcRef<Tree> other = node; try { scope.Yield(); } finally { other = default; } _ = other.IsNull;")]
    [InlineData("for (int i = 0; i < 3; i++) { GcRef<Tree> other = scope.New<Tree>(); other.Key = i; scope.Yield(); }")]
    [InlineData("Action wait = static () => Thread.Sleep(1); wait(); Monitor.Exit(s_lock);")]
    [InlineData("Thread.Sleep(0); Thread.Sleep(TimeSpan.Zero); Thread.Sleep(default(TimeSpan)); Thread.Yield(); _ = s_event.WaitOne(0); _ = s_task.Wait(0);")]
    [InlineData("scope.Dispose(); Thread.Sleep(1); lock (s_lock) { Thread.Sleep(1); }")]
    [InlineData("{ scope.Dispose(); } if (s_task.IsCompleted) { s_task.Wait(); }")]
    [InlineData("if (node.IsNull) { scope.Dispose(); s_task.Wait(); }")]
    [InlineData("Action enter = () => heap.Enter(); enter();")]
    [InlineData("GcHandle<Tree> kept = scope.Keep(node); kept.Dispose(); GcHandle<Tree> other = scope.Keep(node); s_kept = other; using RootArray<Tree> roots = heap.CreateRootArray<Tree>(3);")]
    [InlineData("GcHandle<Tree> kept = scope.Keep(node); Action end = () => kept.Dispose(); end();")]
    [InlineData("TracedLayout layout = Tree.Layout; ref TracedArray<Tree> array = ref scope.NewArray<Tree>(3).Value; array[0].Set(scope, node); _ = layout == default;")]
    public void These_are_accepted(string statements) => Check.Accepted(InMethod(statements));

    [Theory]
    [InlineData("static GcRef<Tree> M(NativeHeap heap, GcRef<Tree> same) { using GcScope inner = heap.Enter(); return same; }")]
    [InlineData("static GcRef<Tree> M(NativeHeap heap) { using GcScope inner = heap.Enter(); return default; }")]
    [InlineData("static GcScope M(NativeHeap heap) { GcScope scope = heap.Enter(); scope.New<Tree>(); return scope; }")]
    [InlineData("static GcHandle<Tree> M(NativeHeap heap) { using GcScope scope = heap.Enter(); GcHandle<Tree> kept = scope.Keep(scope.New<Tree>()); return kept; }")]
    [InlineData("static void M(object any) { lock (any) { Thread.Sleep(1); } }")]
    [InlineData("static void M(NativeHeap heap, object any) { using (GcScope scope = heap.Enter()) { scope.New<Tree>(); } lock (any) { Thread.Sleep(1); } }")]
    public void These_methods_are_accepted(string method) => Check.Accepted(Tree + $"static class C {{ {method} }}");

    private static string InMethod(string statements) => Tree + $$"""
        public static class C
        {
            public static nint s_address;
            public static object s_lock = new();
            public static System.Threading.Tasks.Task<int> s_task = System.Threading.Tasks.Task.FromResult(1);
            public static ManualResetEvent s_event = new(true);
            public static GcHandle<Tree> s_kept;

            public static void M(NativeHeap heap)
            {
                using GcScope scope = heap.Enter();
                GcRef<Tree> node = scope.New<Tree>();
                {{statements}}
            }

            public static void Take<T>(T value) => Console.WriteLine(typeof(T));
            public static void Pass<T>(ref T value) => Console.WriteLine(typeof(T));
            public static void End(GcScope scope) => scope.Dispose();
        }
        """;
}
