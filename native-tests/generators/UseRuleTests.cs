namespace SpanHeap.Generators.Tests;

/// <summary>What is refused of code that uses traced memory: SPAN006 to SPAN013.</summary>
public sealed class UseRuleTests
{
    private const string Tree = "[Traced] public partial struct Tree { public Traced<Tree> Left; public Traced<Tree> Right; public long Key; }\n";

    [Theory]
    [InlineData("node.Value.Left = node.Value.Right", true)]
    [InlineData("node.Value.Left = default", true)]
    [InlineData("var [|copy|] = node.Value.Left", false)]
    [InlineData("Console.WriteLine([|node.Value.Left|])", false)]
    [InlineData("Take([|node.Value.Left|])", false)]
    [InlineData("unsafe { void* p = [|System.Runtime.CompilerServices.Unsafe.AsPointer(ref node.Value.Left)|]; }", false)]
    [InlineData("[|System.Runtime.CompilerServices.Unsafe.As<Traced<Tree>, nint>(ref node.Value.Left)|] = 3", false)]
    [InlineData("unsafe { fixed (Traced<Tree>* p = [|&node.Value.Left|]) { } }", false)]
    [InlineData("_ = [|new Traced<Tree>[3]|]", false)]
    public void A_slot_is_not_copied(string statement, bool isWhole) =>
        Check.Refused("SPAN006", InMethod(isWhole ? $"[|{statement}|];" : statement + ";"));

    [Theory]
    [InlineData("static void M(Traced<Tree> [|slot|]) { }")]
    [InlineData("static Traced<Tree> [|M|]() => throw new NotSupportedException();")]
    [InlineData("static Traced<Tree> [|M|] => throw new NotSupportedException();")]
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
    [InlineData("static TracedRef<Tree> M(TracedHeap heap) { using TracedScope scope = heap.Enter(); TracedRef<Tree> made = scope.New<Tree>(); return [|made|]; }")]
    [InlineData("static TracedRef<Tree> M(TracedHeap heap) { using (TracedScope scope = heap.Enter()) { return [|scope.New<Tree>()|]; } }")]
    [InlineData("static long M(TracedHeap heap) { TracedRef<Tree> made; using (TracedScope scope = heap.Enter()) { [|made = scope.New<Tree>()|]; } return made.Key; }")]
    [InlineData("static long M(TracedHeap heap) { TracedRef<Tree> made; { using TracedScope scope = heap.Enter(); [|made = scope.New<Tree>()|]; } return made.Key; }")]
    [InlineData("static long M(TracedHeap heap) { TracedScope scope = heap.Enter(); TracedRef<Tree> made = scope.New<Tree>(); scope.Dispose(); return [|made|].Key; }")]
    [InlineData("static long M(TracedHeap heap) { using TracedScope scope = heap.Enter(); TracedRef<Tree> made = scope.New<Tree>(); scope.Yield(); return [|made|].Key; }")]
    [InlineData("static long M(TracedHeap heap, bool now) { using TracedScope scope = heap.Enter(); TracedRef<Tree> made = scope.New<Tree>(); if (now) { scope.Yield(); } return [|made|].Key; }")]
    [InlineData("static long M(TracedHeap heap) { using (TracedScope first = heap.Enter()) { first.New<Tree>(); } using TracedScope scope = heap.Enter(); TracedRef<Tree> made = scope.New<Tree>(); { scope.Yield(); } long key = 3; return key + [|made|].Key; }")]
    [InlineData("static void M(TracedHeap heap) { using TracedScope scope = heap.Enter(); TracedRef<Tree> made = scope.New<Tree>(); scope.Yield(); made = [|made|].Left; }")]
    public void A_reference_stays_in_its_scope(string method) => Check.Refused("SPAN009", Tree + $"static class C {{ {method} }}");

    [Fact]
    public void Who_is_given_a_reference_may_return_one() => Check.Accepted(
        Tree + "static class C { static TracedRef<Tree> Next(TracedHeap heap, TracedRef<Tree> tree) { using TracedScope own = heap.Enter(); own.New<Tree>(); return tree; } static TracedRef<Tree> Left(TracedRef<Tree> tree) => tree.Left; }");

    [Theory]
    [InlineData("TracedScope [|second|] = scope; second.Yield();")]
    public void A_scope_is_not_copied(string statements) => Check.Refused("SPAN010", InMethod(statements));

    [Theory]
    [InlineData("[|heap.Enter()|];")]
    [InlineData("_ = [|heap.Enter()|];")]
    [InlineData("TracedScope other = [|heap.Enter()|]; other.Yield();")]
    public void A_scope_is_ended(string statements) => Check.Refused("SPAN011", InMethod(statements));

    [Theory]
    [InlineData("[|Thread.Sleep(1)|];")]
    [InlineData("lock (s_lock) { [|Thread.Sleep(1)|]; }")]
    [InlineData("[|s_task.Wait()|];")]
    [InlineData("_ = [|s_task.Result|];")]
    [InlineData("[|s_task.GetAwaiter().GetResult()|];")]
    [InlineData("[|Thread.CurrentThread.Join()|];")]
    [InlineData("if (node.IsNull) { [|s_event.WaitOne()|]; }")]
    [InlineData("_ = [|s_event.WaitOne(10)|];")]
    [InlineData("[|Thread.Sleep(TimeSpan.FromSeconds(0.5))|];")]
    [InlineData("if (node.IsNull) { scope.Dispose(); } [|Thread.Sleep(1)|];")]
    [InlineData("for (int i = 0; i < 2; i++) { [|Thread.Sleep(1)|]; scope.Dispose(); }")]
    [InlineData("using TracedScope inner = heap.Enter(); inner.Dispose(); [|Thread.Sleep(1)|];")]
    public void Nothing_is_waited_for_within_a_scope(string statement) => Check.Refused("SPAN012", InMethod(statement));

    [Theory]
    [InlineData("TracedHandle<Tree> [|kept|] = scope.Keep(node); kept.Get(scope).Key = 3;")]
    [InlineData("TracedRoots<Tree> [|roots|] = heap.CreateRoots<Tree>(3); roots.Set(scope, 0, node);")]
    public void A_handle_is_disposed(string statements) => Check.Refused("SPAN013", InMethod(statements));

    [Theory]
    [InlineData("ref Tree tree = ref node.Value; ref Traced<Tree> slot = ref tree.Left; slot.Set(scope, slot.Get(scope)); Pass(ref slot); Pass(ref node.Value.Right);")]
    [InlineData("int bytes = System.Runtime.CompilerServices.Unsafe.SizeOf<Tree>(); bool isNull = node.Value.Left.IsNull; long key = node.Value.Key; node.Value.Key = key + bytes; _ = isNull;")]
    [InlineData("TracedRef<Tree> other = node.Left; other = other.Left; node.Left = other; nint address = node.Address; Console.WriteLine(address);")]
    [InlineData("TracedRef<Tree> other = node; scope.Yield(); other = scope.New<Tree>(); other.Key = 3;")]
    [InlineData("TracedRef<Tree> other = node; if (other.IsNull) { scope.Yield(); return; } other.Key = 3;")]
    [InlineData("TracedRef<Tree> other = default; using (TracedScope inner = heap.Enter()) { other = default; } _ = other.IsNull;")]
    [InlineData("TracedScope inner = heap.Enter(); inner.Dispose(); node.Key = 3; heap.Enter().Dispose(); End(heap.Enter());")]
    [InlineData("using TracedHeap second = new(); using TracedScope far = second.Enter(); TracedRef<Tree> other = far.New<Tree>(); scope.Yield(); other.Key = 3;")]
    [InlineData("TracedScope inner = heap.Enter(); TracedScope last = heap.Enter(); TracedRef<Tree> other = inner.New<Tree>(); last.Dispose(); other.Key = 3; inner.Dispose();")]
    [InlineData("TracedRef<Tree> other = node; try { scope.Yield(); } finally { other = default; } _ = other.IsNull;")]
    [InlineData("for (int i = 0; i < 3; i++) { TracedRef<Tree> other = scope.New<Tree>(); other.Key = i; scope.Yield(); }")]
    [InlineData("Action wait = static () => Thread.Sleep(1); wait(); Monitor.Exit(s_lock);")]
    [InlineData("Thread.Sleep(0); Thread.Sleep(TimeSpan.Zero); Thread.Sleep(default(TimeSpan)); Thread.Yield(); _ = s_event.WaitOne(0); _ = s_task.Wait(0);")]
    [InlineData("lock (s_lock) { node.Key++; } Monitor.Enter(s_lock); Monitor.Exit(s_lock); Lock other = new(); lock (other) { node.Key++; }")]
    [InlineData("scope.Dispose(); Thread.Sleep(1); lock (s_lock) { Thread.Sleep(1); }")]
    [InlineData("{ scope.Dispose(); } if (s_task.IsCompleted) { s_task.Wait(); }")]
    [InlineData("if (node.IsNull) { scope.Dispose(); s_task.Wait(); }")]
    [InlineData("Action enter = () => heap.Enter(); enter();")]
    [InlineData("TracedHandle<Tree> kept = scope.Keep(node); kept.Dispose(); TracedHandle<Tree> other = scope.Keep(node); s_kept = other; using TracedRoots<Tree> roots = heap.CreateRoots<Tree>(3);")]
    [InlineData("TracedHandle<Tree> kept = scope.Keep(node); Action end = () => kept.Dispose(); end();")]
    [InlineData("TracedLayout layout = Tree.Layout; ref TracedArray<Tree> array = ref scope.NewArray<Tree>(3).Value; array[0].Set(scope, node); _ = layout == default;")]
    public void These_are_accepted(string statements) => Check.Accepted(InMethod(statements));

    [Theory]
    [InlineData("static TracedRef<Tree> M(TracedHeap heap, TracedRef<Tree> same) { using TracedScope inner = heap.Enter(); return same; }")]
    [InlineData("static TracedRef<Tree> M(TracedHeap heap) { using TracedScope inner = heap.Enter(); return default; }")]
    [InlineData("static TracedScope M(TracedHeap heap) { TracedScope scope = heap.Enter(); scope.New<Tree>(); return scope; }")]
    [InlineData("static TracedHandle<Tree> M(TracedHeap heap) { using TracedScope scope = heap.Enter(); TracedHandle<Tree> kept = scope.Keep(scope.New<Tree>()); return kept; }")]
    [InlineData("static void M(object any) { lock (any) { Thread.Sleep(1); } }")]
    [InlineData("static void M(TracedHeap heap, object any) { using (TracedScope scope = heap.Enter()) { scope.New<Tree>(); } lock (any) { Thread.Sleep(1); } }")]
    public void These_methods_are_accepted(string method) => Check.Accepted(Tree + $"static class C {{ {method} }}");

    private static string InMethod(string statements) => Tree + $$"""
        public static class C
        {
            public static nint s_address;
            public static object s_lock = new();
            public static System.Threading.Tasks.Task<int> s_task = System.Threading.Tasks.Task.FromResult(1);
            public static ManualResetEvent s_event = new(true);
            public static TracedHandle<Tree> s_kept;

            public static void M(TracedHeap heap)
            {
                using TracedScope scope = heap.Enter();
                TracedRef<Tree> node = scope.New<Tree>();
                {{statements}}
            }

            public static void Take<T>(T value) => Console.WriteLine(typeof(T));
            public static void Pass<T>(ref T value) => Console.WriteLine(typeof(T));
            public static void End(TracedScope scope) => scope.Dispose();
        }
        """;
}
