namespace SpanHeap.Generators.Tests;

/// <summary>How far references go: what the compiler refuses by the library's signatures, and what SPAN009, SPAN011, SPAN014 and SPAN015 find.</summary>
public sealed class LifetimeRuleTests
{
    private const string Tree = "[Traced] public partial struct Tree { public Gc<Tree> Left; public long Key; public Gc<TracedString> Name; public Gc<TracedRefList<Tree>> Kids; public Gc<TracedList<long>> Numbers; public Gc<TracedStringRefDictionary<Tree>> Map; }\n"
        + "public ref struct Cursor { public GcRef<Tree> At; public long Steps; }\n";

    [Theory]
    [InlineData("static ReadOnlySpan<byte> M(NativeHeap heap, GcHandle<Tree> root) { using GcScope scope = heap.Enter(); return root.Get(scope).Name.Value.Span; }")]
    [InlineData("static ref long M(NativeHeap heap, GcHandle<Tree> root) { using GcScope scope = heap.Enter(); return ref root.Get(scope).Key; }")]
    [InlineData("static ref long M(NativeHeap heap, GcHandle<Tree> root) { using GcScope scope = heap.Enter(); return ref root.Get(scope).Value.Key; }")]
    [InlineData("static ref long M(NativeHeap heap, GcHandle<Tree> root) { using GcScope scope = heap.Enter(); return ref root.Get(scope).Numbers.Value[0]; }")]
    [InlineData("static Span<long> M(NativeHeap heap, GcHandle<Tree> root) { using GcScope scope = heap.Enter(); return root.Get(scope).Numbers.Value.AsSpan(); }")]
    [InlineData("static Span<long> M(NativeHeap heap, GcHandle<Tree> root) { using GcScope scope = heap.Enter(); return root.Get(scope).Numbers.Value.SpanFrom(3); }")]
    [InlineData("static ref Gc<Tree> M(NativeHeap heap, GcHandle<Tree> root) { using GcScope scope = heap.Enter(); return ref root.Get(scope).Kids.Value[0]; }")]
    [InlineData("static GcRef<Tree> M(NativeHeap heap, GcHandle<Tree> root) { using GcScope scope = heap.Enter(); return root.Get(scope).Kids.Value.RemoveLast(scope); }")]
    [InlineData("static GcRef<Tree> M(NativeHeap heap, GcHandle<Tree> root, GcRef<TracedString> key) { using GcScope scope = heap.Enter(); return root.Get(scope).Map.Value.Get(scope, key); }")]
    [InlineData("static GcRef<Tree> M(NativeHeap heap, GcWeakHandle<Tree> weak) { using GcScope scope = heap.Enter(); return weak.TryGet(scope, out GcRef<Tree> block) ? block : default; }")]
    [InlineData("static GcRef<Tree> M(NativeHeap heap, RootArray<Tree> roots) { using GcScope scope = heap.Enter(); return roots.Get(scope, 0); }")]
    [InlineData("static void M(NativeHeap heap, GcHandle<Tree> root, out GcRef<Tree> tree) { using GcScope scope = heap.Enter(); tree = root.Get(scope); }")]
    [InlineData("static void M(NativeHeap heap, GcHandle<Tree> root, ref GcRef<Tree> tree) { using GcScope scope = heap.Enter(); tree = root.Get(scope); }")]
    [InlineData("static Cursor M(NativeHeap heap, GcHandle<Tree> root) { using GcScope scope = heap.Enter(); return new Cursor { At = root.Get(scope) }; }")]
    [InlineData("static GcRef<Tree> M(NativeHeap heap, bool b) { using GcScope scope = heap.Enter(); return b ? scope.New<Tree>() : default; }")]
    [InlineData("static GcRef<Tree> M(NativeHeap heap, int b) { using GcScope scope = heap.Enter(); return b switch { 1 => scope.New<Tree>(), _ => default }; }")]
    [InlineData("static GcRef<Tree> M(NativeHeap heap) { return Inner(); GcRef<Tree> Inner() { using GcScope scope = heap.Enter(); return scope.New<Tree>(); } }")]
    [InlineData("static GcRef<Tree> M(NativeHeap heap, GcHandle<Tree> root) => root.Get(heap.Enter());")]
    [InlineData("static GcRef<TracedString> M(NativeHeap heap) { using GcScope scope = heap.Enter(); return scope.NewString(\"a\"u8); }")]
    [InlineData("static GcRef<TracedArray<Tree>> M(NativeHeap heap) { using GcScope scope = heap.Enter(); return scope.NewArray<Tree>(3); }")]
    [InlineData("static GcRef<Tree> M(NativeHeap heap, nint address) { using GcScope scope = heap.Enter(); return scope.At<Tree>(address); }")]
    [InlineData("static void M(NativeHeap heap) { GcRef<Tree> last = default; for (int i = 0; i < 3; i++) { using GcScope scope = heap.Enter(); last = scope.New<Tree>(); } }")]
    public void The_compiler_lets_no_reference_out_of_its_scope(string method) => Check.RefusedByCompiler(Tree + $"static class C {{ {method} }}");

    [Theory]
    [InlineData("GcRef<Tree> tree = scope.New<Tree>(); long sum = 0; for (int i = 0; i < 10; i++) { sum += [|tree|].Key; scope.Yield(); }")]
    [InlineData("GcRef<Tree> tree = scope.New<Tree>(); while (![|tree|].IsNull) { tree = tree.Left; scope.Yield(); }")]
    [InlineData("GcRef<Tree> tree = scope.New<Tree>(); try { scope.Yield(); } catch (OutOfMemoryException) { } Use([|tree|].Key);")]
    [InlineData("Span<long> numbers = scope.NewValues<long>(10).Value.AsSpan(); scope.Yield(); Use([|numbers|][0]);")]
    [InlineData("ref long key = ref scope.New<Tree>().Key; scope.Yield(); Use([|key|]);")]
    [InlineData("GcRef<Tree> tree = scope.New<Tree>(); Pass(scope); Use([|tree|].Key);")]
    [InlineData("GcRef<Tree> tree = scope.New<Tree>(); PassOn(scope, 3); Use([|tree|].Key);")]
    [InlineData("GcRef<Tree> tree = scope.New<Tree>(); for (int i = 0; i < 9; i++) { if (i % 3 == 0) { Pass(scope); } Use([|tree|].Key); }")]
    [InlineData("Cursor cursor = new Cursor { At = scope.New<Tree>() }; scope.Yield(); Use([|cursor.At|].Key);")]
    [InlineData("GcRef<Tree> tree = scope.New<Tree>(); ReadOnlySpan<byte> name = tree.Name.Value.Span; if (name.IsEmpty) { scope.Yield(); } Use([|name|].Length);")]
    [InlineData("GcRef<Tree> tree = scope.New<Tree>(); foreach (ref Gc<Tree> kid in [|tree.Kids.Value|]) { Use(kid.IsNull ? 1 : 0); scope.Yield(); }")]
    [InlineData("GcRef<Tree> tree = scope.New<Tree>(); GcRef<Tree> other = tree; tree = default; do { Use([|other|].Key); scope.Yield(); } while (Use(1) > 0);")]
    [InlineData("GcRef<Tree> tree = scope.New<Tree>(); switch (Use(2)) { case 1: scope.Yield(); break; default: break; } Use([|tree|].Key);")]
    [InlineData("GcRef<Tree> tree = scope.New<Tree>(); if (Find(scope, out GcRef<Tree> found)) { scope.Yield(); Use([|found|].Key); }")]
    [InlineData("void Local(in GcScope given) { GcRef<Tree> tree = given.New<Tree>(); given.Yield(); Use([|tree|].Key); } Local(scope);")]
    public void No_reference_is_used_after_a_yield(string statements) => Check.Refused("SPAN009", InMethod(statements));

    [Theory]
    [InlineData("GcRef<Tree> t = scope.New<Tree>(); if (Use(1) > 0) { t = default; scope.Yield(); } if (!t.IsNull) { Use(t.Key); }")]
    [InlineData("GcHandle<Tree> kept = scope.Keep(scope.New<Tree>()); GcRef<Tree> tree = kept.Get(scope); for (int i = 0; i < 10; i++) { Use(tree.Key); scope.Yield(); tree = kept.Get(scope); } kept.Dispose();")]
    [InlineData("GcHandle<Tree> kept = scope.Keep(scope.New<Tree>()); while (Use(1) > 0) { GcRef<Tree> tree = kept.Get(scope); Use(tree.Key); scope.Yield(); } kept.Dispose();")]
    [InlineData("scoped GcRef<Tree> tree = default; for (int i = 0; i < 10; i++) { if (i % 4 == 0) { scope.Yield(); tree = scope.New<Tree>(); } else { tree = scope.New<Tree>(); } Use(tree.Key); }")]
    [InlineData("GcRef<Tree> list = scope.Null<Tree>(); for (int i = 0; i < 10; i++) { GcRef<Tree> next = scope.New<Tree>(); next.Left = list; list = next; } Use(list.Key);")]
    [InlineData("GcRef<Tree> tree = scope.New<Tree>(); Look(scope, tree); Use(tree.Key);")]
    [InlineData("Span<byte> buffer = stackalloc byte[16]; scope.Yield(); buffer.Clear(); Use(buffer.Length);")]
    [InlineData("GcRef<Tree> tree = scope.New<Tree>(); long key = tree.Key; nint address = tree.Address; scope.Yield(); Use(key); Use(address);")]
    [InlineData("Cursor cursor = new Cursor { At = scope.New<Tree>() }; scope.Yield(); cursor.At = scope.New<Tree>(); Use(cursor.At.Key);")]
    [InlineData("Cursor cursor = new Cursor { At = scope.New<Tree>() }; scope.Yield(); Use(cursor.Steps);")]
    [InlineData("GcRef<Tree> tree = scope.New<Tree>(); if (Use(1) > 0) { scope.Yield(); throw new InvalidOperationException(); } Use(tree.Key);")]
    [InlineData("GcRef<Tree> tree = scope.New<Tree>(); foreach (ref Gc<Tree> kid in tree.Kids.Value) { Use(kid.Get(scope).Key); } scope.Yield();")]
    [InlineData("string text = \"a\"; ReadOnlySpan<char> span = text; scope.Yield(); Use(span.Length);")]
    [InlineData("GcRef<Tree> tree = scope.New<Tree>(); Renew(scope, ref tree); Use(tree.Key);")]
    [InlineData("using (GcScope inner = heap.Enter()) { if (Use(1) > 0) { return; } inner.New<Tree>(); } GcRef<Tree> tree = scope.New<Tree>(); Use(tree.Key);")]
    public void Renewed_references_may_be_used(string statements) => Check.Accepted(InMethod(statements));

    [Theory]
    [InlineData("GcScope scope = [|heap.Enter()|]; if (b) { scope.Dispose(); }")]
    [InlineData("GcScope scope = [|heap.Enter()|]; if (b) { return; } scope.Dispose();")]
    [InlineData("root.Get([|heap.Enter()|]).Key = 3;")]
    [InlineData("[|heap.Enter()|].New<Tree>().Key = 3;")]
    [InlineData("root.Set([|heap.Enter()|], default);")]
    public void A_scope_is_ended_on_each_way(string statements) => Check.Refused("SPAN011", InOther(statements));

    [Theory]
    [InlineData("GcScope scope = heap.Enter(); if (b) { scope.Dispose(); } else { scope.New<Tree>(); scope.Dispose(); }")]
    [InlineData("GcScope scope = heap.Enter(); try { scope.New<Tree>(); } finally { scope.Dispose(); }")]
    [InlineData("GcScope scope = heap.Enter(); bool isOpen = true; if (b) { scope.Dispose(); isOpen = false; } if (isOpen) { scope.Dispose(); }")]
    [InlineData("GcScope scope = heap.Enter(); while (b) { b = root.Get(scope).Key != 0; } scope.Dispose();")]
    [InlineData("for (int i = 0; i < 3; i++) { GcScope scope = heap.Enter(); scope.New<Tree>(); scope.Dispose(); }")]
    [InlineData("GcScope scope = heap.Enter(); if (b) { scope.Dispose(); throw new InvalidOperationException(); } End(scope);")]
    public void Scopes_that_are_ended_are_accepted(string statements) => Check.Accepted(InOther(statements));

    [Theory]
    [InlineData("GcRef<Tree> last = default; for (int i = 0; i < 3; i++) { [|last|] = scope.New<Tree>(); }")]
    [InlineData("ReadOnlySpan<byte> name = default; if (Use(1) > 0) { [|name|] = scope.New<Tree>().Name.Value.Span; }")]
    public void A_local_that_the_compiler_takes_for_the_callers_is_named(string statements) => Check.Refused("SPAN014", InMethod(statements));

    [Theory]
    [InlineData("static GcRef<Tree> M(scoped in GcScope scope) => [|scope.New<Tree>()|];")]
    [InlineData("static GcRef<Tree> M(in GcScope scope, GcRef<Tree> tree) { while (tree.Key != 3) { [|tree|] = tree.Value.Left.Get(scope); } return tree; }")]
    [InlineData("static GcRef<Tree> M(GcScope scope) { GcRef<Tree> made = scope.New<Tree>(); made.Key = 3; return [|made|]; }")]
    public void A_scope_whose_references_cannot_leave_is_named(string method) => Check.Refused("SPAN015", Tree + $"static class C {{ {method} }}");

    [Theory]
    [InlineData("static GcRef<Tree> M(in GcScope scope) { GcRef<Tree> made = scope.New<Tree>(); made.Key = 3; return made; }")]
    [InlineData("static GcRef<Tree> M(GcRef<Tree> tree) { while (tree.Key != 3) { tree = tree.Left; } return tree; }")]
    [InlineData("static GcRef<Tree> M([System.Diagnostics.CodeAnalysis.UnscopedRef] in GcScope scope, GcRef<Tree> tree) { while (tree.Key != 3) { tree = tree.Value.Left.Get(scope); } return tree; }")]
    [InlineData("static GcRef<Tree> M(scoped in GcScope scope, GcRef<Tree> tree) { tree.Left = scope.New<Tree>(); return tree; }")]
    [InlineData("static ReadOnlySpan<byte> M(GcRef<Tree> tree) => tree.Name.Value.Span;")]
    [InlineData("static ref long M(in GcScope scope, GcHandle<Tree> root) => ref root.Get(scope).Key;")]
    [InlineData("static bool M(in GcScope scope, GcHandle<Tree> root, out GcRef<Tree> found) { found = root.Get(scope); return !found.IsNull; }")]
    [InlineData("static GcRef<Tree> M(in GcScope scope, bool b) => b ? scope.New<Tree>() : default;")]
    [InlineData("static GcRef<Tree> M(in GcScope scope, int count) { GcRef<Tree> list = scope.Null<Tree>(); for (; count > 0; count--) { GcRef<Tree> next = scope.New<Tree>(); next.Left = list; list = next; } return list; }")]
    [InlineData("static GcRef<Tree> M([System.Diagnostics.CodeAnalysis.UnscopedRef] in GcScope scope, int count) { GcRef<Tree> list = default; for (; count > 0; count--) { list = scope.New<Tree>(); } return list; }")]
    [InlineData("static long M(NativeHeap heap, GcHandle<Tree> root) { using GcScope scope = heap.Enter(); return root.Get(scope).Key; }")]
    [InlineData("static string M(NativeHeap heap, GcHandle<Tree> root) { using GcScope scope = heap.Enter(); return root.Get(scope).Name.Value.ToString(); }")]
    public void Methods_that_are_given_a_scope_may_return_references(string method) => Check.Accepted(Tree + $"static class C {{ {method} }}");

    [Fact]
    public void References_are_compared_by_the_operator() => Assert.Equal("True False True True", Check.Accepted("""
        [Traced] public partial struct Node { public Gc<Node> Next; }
        public static class Program
        {
            public static string Run()
            {
                using NativeHeap heap = new(new NativeHeapOptions { Traced = true });
                using GcScope scope = heap.Enter();
                GcRef<Node> node = scope.New<Node>();
                GcRef<Node> same = scope.At<Node>(node.Address);
                return $"{node == same} {node != same} {node != default} {node.Next == default}";
            }
        }
        """).Run());

    private static string InMethod(string statements) => Tree + $$"""
        public static class C
        {
            public static void M(NativeHeap heap)
            {
                using GcScope scope = heap.Enter();
                {{statements}}
            }

            private static long Use(long value) => value;
            private static void Pass(scoped in GcScope scope) => scope.Yield();
            private static void PassOn(scoped in GcScope scope, int times) { if (times > 0) { PassOn(scope, times - 1); } else { Pass(scope); } }
            private static void Look(scoped in GcScope scope, GcRef<Tree> tree) => tree.Left = scope.New<Tree>();
            private static void Renew(in GcScope scope, ref GcRef<Tree> tree) { scope.Yield(); tree = default; }
            private static bool Find(in GcScope scope, out GcRef<Tree> tree) { tree = scope.New<Tree>(); return true; }
        }
        """;

    private static string InOther(string statements) => Tree + $$"""
        public static class C
        {
            public static void M(NativeHeap heap, GcHandle<Tree> root, bool b)
            {
                {{statements}}
            }

            private static void End(GcScope scope) => scope.Dispose();
        }
        """;
}
