namespace SpanHeap.Generators.Tests;

/// <summary>How far references go: what the compiler refuses by the library's signatures, and what SPAN009, SPAN011, SPAN014 and SPAN015 find.</summary>
public sealed class LifetimeRuleTests
{
    private const string Tree = "[Traced] public partial struct Tree { public Traced<Tree> Left; public long Key; public Traced<TracedString> Name; public Traced<TracedRefList<Tree>> Kids; public Traced<TracedList<long>> Numbers; public Traced<TracedRefDictionary<Traced<TracedString>, Tree>> Map; }\n"
        + "public ref struct Cursor { public TracedRef<Tree> At; public long Steps; }\n";

    [Theory]
    [InlineData("static ReadOnlySpan<byte> M(TracedHeap heap, TracedHandle<Tree> root) { using TracedScope scope = heap.Enter(); return root.Get(scope).Name.Value.Span; }")]
    [InlineData("static ref long M(TracedHeap heap, TracedHandle<Tree> root) { using TracedScope scope = heap.Enter(); return ref root.Get(scope).Key; }")]
    [InlineData("static ref long M(TracedHeap heap, TracedHandle<Tree> root) { using TracedScope scope = heap.Enter(); return ref root.Get(scope).Value.Key; }")]
    [InlineData("static ref long M(TracedHeap heap, TracedHandle<Tree> root) { using TracedScope scope = heap.Enter(); return ref root.Get(scope).Numbers.Value[0]; }")]
    [InlineData("static Span<long> M(TracedHeap heap, TracedHandle<Tree> root) { using TracedScope scope = heap.Enter(); return root.Get(scope).Numbers.Value.AsSpan(); }")]
    [InlineData("static Span<long> M(TracedHeap heap, TracedHandle<Tree> root) { using TracedScope scope = heap.Enter(); return root.Get(scope).Numbers.Value.SpanFrom(3); }")]
    [InlineData("static ref Traced<Tree> M(TracedHeap heap, TracedHandle<Tree> root) { using TracedScope scope = heap.Enter(); return ref root.Get(scope).Kids.Value[0]; }")]
    [InlineData("static TracedRef<Tree> M(TracedHeap heap, TracedHandle<Tree> root) { using TracedScope scope = heap.Enter(); return root.Get(scope).Kids.Value.RemoveLast(scope); }")]
    [InlineData("static TracedRef<Tree> M(TracedHeap heap, TracedHandle<Tree> root, TracedRef<TracedString> key) { using TracedScope scope = heap.Enter(); return root.Get(scope).Map.Value.Get(scope, key); }")]
    [InlineData("static TracedRef<Tree> M(TracedHeap heap, TracedWeakHandle<Tree> weak) { using TracedScope scope = heap.Enter(); return weak.TryGet(scope, out TracedRef<Tree> block) ? block : default; }")]
    [InlineData("static TracedRef<Tree> M(TracedHeap heap, TracedRoots<Tree> roots) { using TracedScope scope = heap.Enter(); return roots.Get(scope, 0); }")]
    [InlineData("static void M(TracedHeap heap, TracedHandle<Tree> root, out TracedRef<Tree> tree) { using TracedScope scope = heap.Enter(); tree = root.Get(scope); }")]
    [InlineData("static void M(TracedHeap heap, TracedHandle<Tree> root, ref TracedRef<Tree> tree) { using TracedScope scope = heap.Enter(); tree = root.Get(scope); }")]
    [InlineData("static Cursor M(TracedHeap heap, TracedHandle<Tree> root) { using TracedScope scope = heap.Enter(); return new Cursor { At = root.Get(scope) }; }")]
    [InlineData("static TracedRef<Tree> M(TracedHeap heap, bool b) { using TracedScope scope = heap.Enter(); return b ? scope.New<Tree>() : default; }")]
    [InlineData("static TracedRef<Tree> M(TracedHeap heap, int b) { using TracedScope scope = heap.Enter(); return b switch { 1 => scope.New<Tree>(), _ => default }; }")]
    [InlineData("static TracedRef<Tree> M(TracedHeap heap) { return Inner(); TracedRef<Tree> Inner() { using TracedScope scope = heap.Enter(); return scope.New<Tree>(); } }")]
    [InlineData("static TracedRef<Tree> M(TracedHeap heap, TracedHandle<Tree> root) => root.Get(heap.Enter());")]
    [InlineData("static TracedRef<TracedString> M(TracedHeap heap) { using TracedScope scope = heap.Enter(); return scope.NewString(\"a\"u8); }")]
    [InlineData("static TracedRef<TracedArray<Tree>> M(TracedHeap heap) { using TracedScope scope = heap.Enter(); return scope.NewArray<Tree>(3); }")]
    [InlineData("static TracedRef<Tree> M(TracedHeap heap, nint address) { using TracedScope scope = heap.Enter(); return scope.At<Tree>(address); }")]
    [InlineData("static void M(TracedHeap heap) { TracedRef<Tree> last = default; for (int i = 0; i < 3; i++) { using TracedScope scope = heap.Enter(); last = scope.New<Tree>(); } }")]
    public void The_compiler_lets_no_reference_out_of_its_scope(string method) => Check.RefusedByCompiler(Tree + $"static class C {{ {method} }}");

    [Theory]
    [InlineData("TracedRef<Tree> tree = scope.New<Tree>(); long sum = 0; for (int i = 0; i < 10; i++) { sum += [|tree|].Key; scope.Yield(); }")]
    [InlineData("TracedRef<Tree> tree = scope.New<Tree>(); while (![|tree|].IsNull) { tree = tree.Left; scope.Yield(); }")]
    [InlineData("TracedRef<Tree> tree = scope.New<Tree>(); try { scope.Yield(); } catch (OutOfMemoryException) { } Use([|tree|].Key);")]
    [InlineData("Span<long> numbers = scope.NewValues<long>(10).Value.AsSpan(); scope.Yield(); Use([|numbers|][0]);")]
    [InlineData("ref long key = ref scope.New<Tree>().Key; scope.Yield(); Use([|key|]);")]
    [InlineData("TracedRef<Tree> tree = scope.New<Tree>(); Pass(scope); Use([|tree|].Key);")]
    [InlineData("TracedRef<Tree> tree = scope.New<Tree>(); PassOn(scope, 3); Use([|tree|].Key);")]
    [InlineData("TracedRef<Tree> tree = scope.New<Tree>(); for (int i = 0; i < 9; i++) { if (i % 3 == 0) { Pass(scope); } Use([|tree|].Key); }")]
    [InlineData("Cursor cursor = new Cursor { At = scope.New<Tree>() }; scope.Yield(); Use([|cursor.At|].Key);")]
    [InlineData("TracedRef<Tree> tree = scope.New<Tree>(); ReadOnlySpan<byte> name = tree.Name.Value.Span; if (name.IsEmpty) { scope.Yield(); } Use([|name|].Length);")]
    [InlineData("TracedRef<Tree> tree = scope.New<Tree>(); foreach (ref Traced<Tree> kid in [|tree.Kids.Value|]) { Use(kid.IsNull ? 1 : 0); scope.Yield(); }")]
    [InlineData("TracedRef<Tree> tree = scope.New<Tree>(); TracedRef<Tree> other = tree; tree = default; do { Use([|other|].Key); scope.Yield(); } while (Use(1) > 0);")]
    [InlineData("TracedRef<Tree> tree = scope.New<Tree>(); switch (Use(2)) { case 1: scope.Yield(); break; default: break; } Use([|tree|].Key);")]
    [InlineData("TracedRef<Tree> tree = scope.New<Tree>(); if (Find(scope, out TracedRef<Tree> found)) { scope.Yield(); Use([|found|].Key); }")]
    [InlineData("void Local(in TracedScope given) { TracedRef<Tree> tree = given.New<Tree>(); given.Yield(); Use([|tree|].Key); } Local(scope);")]
    public void No_reference_is_used_after_a_yield(string statements) => Check.Refused("SPAN009", InMethod(statements));

    [Theory]
    [InlineData("TracedRef<Tree> t = scope.New<Tree>(); if (Use(1) > 0) { t = default; scope.Yield(); } if (!t.IsNull) { Use(t.Key); }")]
    [InlineData("TracedHandle<Tree> kept = scope.Keep(scope.New<Tree>()); TracedRef<Tree> tree = kept.Get(scope); for (int i = 0; i < 10; i++) { Use(tree.Key); scope.Yield(); tree = kept.Get(scope); } kept.Dispose();")]
    [InlineData("TracedHandle<Tree> kept = scope.Keep(scope.New<Tree>()); while (Use(1) > 0) { TracedRef<Tree> tree = kept.Get(scope); Use(tree.Key); scope.Yield(); } kept.Dispose();")]
    [InlineData("scoped TracedRef<Tree> tree = default; for (int i = 0; i < 10; i++) { if (i % 4 == 0) { scope.Yield(); tree = scope.New<Tree>(); } else { tree = scope.New<Tree>(); } Use(tree.Key); }")]
    [InlineData("TracedRef<Tree> list = scope.Null<Tree>(); for (int i = 0; i < 10; i++) { TracedRef<Tree> next = scope.New<Tree>(); next.Left = list; list = next; } Use(list.Key);")]
    [InlineData("TracedRef<Tree> tree = scope.New<Tree>(); Look(scope, tree); Use(tree.Key);")]
    [InlineData("Span<byte> buffer = stackalloc byte[16]; scope.Yield(); buffer.Clear(); Use(buffer.Length);")]
    [InlineData("TracedRef<Tree> tree = scope.New<Tree>(); long key = tree.Key; nint address = tree.Address; scope.Yield(); Use(key); Use(address);")]
    [InlineData("Cursor cursor = new Cursor { At = scope.New<Tree>() }; scope.Yield(); cursor.At = scope.New<Tree>(); Use(cursor.At.Key);")]
    [InlineData("Cursor cursor = new Cursor { At = scope.New<Tree>() }; scope.Yield(); Use(cursor.Steps);")]
    [InlineData("TracedRef<Tree> tree = scope.New<Tree>(); if (Use(1) > 0) { scope.Yield(); throw new InvalidOperationException(); } Use(tree.Key);")]
    [InlineData("TracedRef<Tree> tree = scope.New<Tree>(); foreach (ref Traced<Tree> kid in tree.Kids.Value) { Use(kid.Get(scope).Key); } scope.Yield();")]
    [InlineData("string text = \"a\"; ReadOnlySpan<char> span = text; scope.Yield(); Use(span.Length);")]
    [InlineData("TracedRef<Tree> tree = scope.New<Tree>(); Renew(scope, ref tree); Use(tree.Key);")]
    [InlineData("using (TracedScope inner = heap.Enter()) { if (Use(1) > 0) { return; } inner.New<Tree>(); } TracedRef<Tree> tree = scope.New<Tree>(); Use(tree.Key);")]
    public void Renewed_references_may_be_used(string statements) => Check.Accepted(InMethod(statements));

    [Theory]
    [InlineData("TracedScope scope = [|heap.Enter()|]; if (b) { scope.Dispose(); }")]
    [InlineData("TracedScope scope = [|heap.Enter()|]; if (b) { return; } scope.Dispose();")]
    [InlineData("TracedScope scope = [|heap.Enter()|]; int.Parse(\"x\"); scope.Dispose();")]
    [InlineData("TracedScope scope = [|heap.Enter()|]; foreach (string line in System.IO.File.ReadLines(\"x\")) { scope.New<Tree>().Key = long.Parse(line); } scope.Dispose();")]
    [InlineData("root.Get([|heap.Enter()|]).Key = 3;")]
    [InlineData("[|heap.Enter()|].New<Tree>().Key = 3;")]
    [InlineData("root.Set([|heap.Enter()|], default);")]
    public void A_scope_is_ended_on_each_way(string statements) => Check.Refused("SPAN011", InOther(statements));

    [Theory]
    [InlineData("TracedScope scope = heap.Enter(); if (b) { scope.Dispose(); } else { scope.New<Tree>(); scope.Dispose(); }")]
    [InlineData("TracedScope scope = heap.Enter(); try { scope.New<Tree>(); } finally { scope.Dispose(); }")]
    [InlineData("TracedScope scope = heap.Enter(); try { int.Parse(\"x\"); } finally { scope.Dispose(); }")]
    [InlineData("TracedScope scope = heap.Enter(); try { int.Parse(\"x\"); } catch { scope.Dispose(); throw; } scope.Dispose();")]
    [InlineData("TracedScope scope = heap.Enter(); try { int.Parse(\"x\"); } catch (Exception) { } scope.Dispose();")]
    [InlineData("using TracedScope scope = heap.Enter(); int.Parse(\"x\"); scope.Dispose();")]
    [InlineData("TracedScope scope = heap.Enter(); long key = root.Get(scope).Key; scope.Dispose(); int.Parse(\"x\"); b = key == Math.Max(1, 2);")]
    [InlineData("TracedScope scope = heap.Enter(); Func<int> parse = static () => int.Parse(\"x\"); scope.New<Tree>().Key = Math.Max(3, 4); scope.Dispose(); parse();")]
    [InlineData("TracedScope scope = heap.Enter(); if (b) { scope.Dispose(); int.Parse(\"x\"); } else { scope.Dispose(); }")]
    [InlineData("int.Parse(\"x\"); TracedScope scope = heap.Enter(); if (int.TryParse(\"x\", out int key)) { scope.New<Tree>().Key = key; } scope.Dispose();")]
    [InlineData("TracedScope scope = heap.Enter(); bool isOpen = true; if (b) { scope.Dispose(); isOpen = false; } if (isOpen) { scope.Dispose(); }")]
    [InlineData("TracedScope scope = heap.Enter(); while (b) { b = root.Get(scope).Key != 0; } scope.Dispose();")]
    [InlineData("for (int i = 0; i < 3; i++) { TracedScope scope = heap.Enter(); scope.New<Tree>(); scope.Dispose(); }")]
    [InlineData("TracedScope scope = heap.Enter(); if (b) { scope.Dispose(); throw new InvalidOperationException(); } End(scope);")]
    public void Scopes_that_are_ended_are_accepted(string statements) => Check.Accepted(InOther(statements));

    [Theory]
    [InlineData("TracedRef<Tree> last = default; for (int i = 0; i < 3; i++) { [|last|] = scope.New<Tree>(); }")]
    [InlineData("ReadOnlySpan<byte> name = default; if (Use(1) > 0) { [|name|] = scope.New<Tree>().Name.Value.Span; }")]
    public void A_local_that_the_compiler_takes_for_the_callers_is_named(string statements) => Check.Refused("SPAN014", InMethod(statements));

    [Theory]
    [InlineData("static TracedRef<Tree> M(scoped in TracedScope scope) => [|scope.New<Tree>()|];")]
    [InlineData("static TracedRef<Tree> M(in TracedScope scope, TracedRef<Tree> tree) { while (tree.Key != 3) { [|tree|] = tree.Value.Left.Get(scope); } return tree; }")]
    [InlineData("static TracedRef<Tree> M(TracedScope scope) { TracedRef<Tree> made = scope.New<Tree>(); made.Key = 3; return [|made|]; }")]
    public void A_scope_whose_references_cannot_leave_is_named(string method) => Check.Refused("SPAN015", Tree + $"static class C {{ {method} }}");

    [Theory]
    [InlineData("static TracedRef<Tree> M(in TracedScope scope) { TracedRef<Tree> made = scope.New<Tree>(); made.Key = 3; return made; }")]
    [InlineData("static TracedRef<Tree> M(TracedRef<Tree> tree) { while (tree.Key != 3) { tree = tree.Left; } return tree; }")]
    [InlineData("static TracedRef<Tree> M([System.Diagnostics.CodeAnalysis.UnscopedRef] in TracedScope scope, TracedRef<Tree> tree) { while (tree.Key != 3) { tree = tree.Value.Left.Get(scope); } return tree; }")]
    [InlineData("static TracedRef<Tree> M(scoped in TracedScope scope, TracedRef<Tree> tree) { tree.Left = scope.New<Tree>(); return tree; }")]
    [InlineData("static ReadOnlySpan<byte> M(TracedRef<Tree> tree) => tree.Name.Value.Span;")]
    [InlineData("static ref long M(in TracedScope scope, TracedHandle<Tree> root) => ref root.Get(scope).Key;")]
    [InlineData("static bool M(in TracedScope scope, TracedHandle<Tree> root, out TracedRef<Tree> found) { found = root.Get(scope); return !found.IsNull; }")]
    [InlineData("static TracedRef<Tree> M(in TracedScope scope, bool b) => b ? scope.New<Tree>() : default;")]
    [InlineData("static TracedRef<Tree> M(in TracedScope scope, int count) { TracedRef<Tree> list = scope.Null<Tree>(); for (; count > 0; count--) { TracedRef<Tree> next = scope.New<Tree>(); next.Left = list; list = next; } return list; }")]
    [InlineData("static TracedRef<Tree> M([System.Diagnostics.CodeAnalysis.UnscopedRef] in TracedScope scope, int count) { TracedRef<Tree> list = default; for (; count > 0; count--) { list = scope.New<Tree>(); } return list; }")]
    [InlineData("static long M(TracedHeap heap, TracedHandle<Tree> root) { using TracedScope scope = heap.Enter(); return root.Get(scope).Key; }")]
    [InlineData("static string M(TracedHeap heap, TracedHandle<Tree> root) { using TracedScope scope = heap.Enter(); return root.Get(scope).Name.Value.ToString(); }")]
    public void Methods_that_are_given_a_scope_may_return_references(string method) => Check.Accepted(Tree + $"static class C {{ {method} }}");

    [Fact]
    public void References_are_compared_by_the_operator() => Assert.Equal("True False True True", Check.Accepted("""
        [Traced] public partial struct Node { public Traced<Node> Next; }
        public static class Program
        {
            public static string Run()
            {
                using TracedHeap heap = new();
                using TracedScope scope = heap.Enter();
                TracedRef<Node> node = scope.New<Node>();
                TracedRef<Node> same = scope.At<Node>(node.Address);
                return $"{node == same} {node != same} {node != default} {node.Next == default}";
            }
        }
        """).Run());

    private static string InMethod(string statements) => Tree + $$"""
        public static class C
        {
            public static void M(TracedHeap heap)
            {
                using TracedScope scope = heap.Enter();
                {{statements}}
            }

            private static long Use(long value) => value;
            private static void Pass(scoped in TracedScope scope) => scope.Yield();
            private static void PassOn(scoped in TracedScope scope, int times) { if (times > 0) { PassOn(scope, times - 1); } else { Pass(scope); } }
            private static void Look(scoped in TracedScope scope, TracedRef<Tree> tree) => tree.Left = scope.New<Tree>();
            private static void Renew(in TracedScope scope, ref TracedRef<Tree> tree) { scope.Yield(); tree = default; }
            private static bool Find(in TracedScope scope, out TracedRef<Tree> tree) { tree = scope.New<Tree>(); return true; }
        }
        """;

    private static string InOther(string statements) => Tree + $$"""
        public static class C
        {
            public static void M(TracedHeap heap, TracedHandle<Tree> root, bool b)
            {
                {{statements}}
            }

            private static void End(TracedScope scope) => scope.Dispose();
        }
        """;
}
