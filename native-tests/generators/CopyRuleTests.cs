namespace SpanHeap.Generators.Tests;

/// <summary>The less usual ways in which references are copied, kept or forgotten: SPAN001, SPAN006 to SPAN008, SPAN012 and SPAN013.</summary>
public sealed class CopyRuleTests
{
    private const string Tree = "[Traced] public partial struct Tree { public Traced<Tree> Left; public Traced<Tree> Right; public long Key; }\n";

    private const string Stores = Tree + "[Traced] public partial struct Fixed { public readonly Traced<Tree> Left; } [Traced] public partial struct Forest { public TracedRefList<Tree> Trees; }\n";

    [Theory]
    [InlineData("SPAN006", "if (node.Value.Left is var [|copy|]) { Console.WriteLine(copy.IsNull); }")]
    [InlineData("SPAN006", "Console.WriteLine($\"{[|node.Value.Left|]}\");")]
    [InlineData("SPAN007", "string text = $\"{[|node.Value|]}\"; Console.WriteLine(text);")]
    [InlineData("SPAN006", "void Local(Traced<Tree> [|slot|]) { Console.WriteLine(slot.IsNull); } Local(default);")]
    [InlineData("SPAN007", "Tree [|Local|]() => throw new InvalidOperationException(); Local();")]
    [InlineData("SPAN007", "Action<int> act = _ => { }; act(0); Hand((Tree [|tree|]) => { });")]
    [InlineData("SPAN006", "(node.Value.Left, node.Value.Right) = ([|node.Value.Right|], node.Value.Left);")]
    [InlineData("SPAN006", "Reset([|ref node.Value.Right|]);")]
    [InlineData("SPAN007", "Reset([|ref node.Value|]);")]
    [InlineData("SPAN007", "ResetBlock([|node|]);")]
    [InlineData("SPAN007", "ResetByOther([|ref node.Value|]);")]
    [InlineData("SPAN007", "Span<Tree> all = [|System.Runtime.InteropServices.MemoryMarshal.CreateSpan(ref node.Value, 1)|]; Console.WriteLine(all.Length);")]
    [InlineData("SPAN007", "Span<Tree> all = [|new Span<Tree>(ref node.Value)|]; Console.WriteLine(all.Length);")]
    [InlineData("SPAN006", "[|SpanOf(node).Clear()|];")]
    [InlineData("SPAN006", "[|SpanOf(node).CopyTo(SpanOf(node))|];")]
    [InlineData("SPAN006", "[|MemoryExtensions.Reverse(SpanOf(node))|];")]
    [InlineData("SPAN006", "Span<Traced<Tree>> slots = [|stackalloc Traced<Tree>[4]|]; Console.WriteLine(slots.Length);")]
    [InlineData("SPAN006", "Traced<Tree>[] [|slots|] = System.Buffers.ArrayPool<Traced<Tree>>.Shared.Rent(4); Console.WriteLine(slots.Length);")]
    [InlineData("SPAN006", "var [|list|] = new System.Collections.Generic.List<Traced<Tree>>(); Console.WriteLine(list.Count);")]
    public void A_reference_is_copied_by_no_way(string rule, string statements) => Check.Refused(rule, InMethod(statements));

    [Theory]
    [InlineData("public class K { public System.Collections.Generic.List<Traced<Tree>> [|Slots|] = []; }")]
    [InlineData("public class K { public System.Collections.Generic.Dictionary<string, Tree[]>? [|Trees|]; }")]
    public void No_collection_of_the_platform_holds_references(string type) => Check.Refused("SPAN001", Tree + type);

    [Theory]
    [InlineData("SPAN006", "static void M(in Tree tree, in TracedScope scope) => [|tree.Left|].Set(scope, default);")]
    [InlineData("SPAN006", "static void M(ref readonly Tree tree, in TracedScope scope) => [|tree.Left|].Set(scope, default);")]
    [InlineData("SPAN006", "static void M(in Traced<Tree> slot, in TracedScope scope) => [|slot|].Set(scope, default);")]
    [InlineData("SPAN006", "static void M(TracedRef<Tree> node, in TracedScope scope) { ref readonly Tree tree = ref node.Value; [|tree.Left|].Set(scope, default); }")]
    [InlineData("SPAN006", "static void M(TracedRef<Tree> node, in TracedScope scope) => [|Find(node)|].Set(scope, default); static ref readonly Traced<Tree> Find(TracedRef<Tree> node) => ref node.Value.Left;")]
    [InlineData("SPAN006", "static void M(TracedRef<Fixed> node, in TracedScope scope) => [|node.Value.Left|].Set(scope, default);")]
    [InlineData("SPAN007", "static void M(in Forest forest, in TracedScope scope) => [|forest.Trees|].Add(scope, default);")]
    [InlineData("SPAN007", "static void M(in Forest forest) { foreach (ref Traced<Tree> tree in [|forest.Trees|]) { } }")]
    [InlineData("SPAN007", "static void M(in TracedWeakDictionary<Tree, Tree> trees) { foreach (TracedWeakEntry<Tree, Tree> entry in [|trees|]) { } }")]
    public void Nothing_is_stored_into_a_copy_that_the_compiler_makes(string rule, string method) => Check.Refused(rule, Stores + $"public static class C {{ {method} }}");

    [Theory]
    [InlineData("static void M(ref Tree tree, in TracedScope scope) => tree.Left.Set(scope, tree.Right.Get(scope));")]
    [InlineData("static bool M(in Tree tree, in TracedScope scope) => tree.Left.Get(scope).IsNull;")]
    [InlineData("static void M(ref Forest forest, in TracedScope scope) { forest.Trees.Add(scope, default); Console.WriteLine(forest.Trees.Count); }")]
    [InlineData("static long M(in Forest forest, in TracedScope scope) => forest.Trees.Count;")]
    [InlineData("static void M(ref Forest forest) { foreach (ref Traced<Tree> tree in forest.Trees) { } }")]
    public void Places_that_may_be_written_are_written(string method) => Check.Accepted(Stores + $"public static class C {{ {method} }}");

    [Fact]
    public void A_delegate_takes_no_reference_by_value() => Check.Refused("SPAN006", Tree + "public delegate void D(Traced<Tree> [|slot|]);");

    [Theory]
    [InlineData("[|s_addresses.Add(node.Address)|];")]
    [InlineData("[|s_names.Add(node.Address, \"a\")|];")]
    [InlineData("[|s_names[node.Address] = \"a\"|];")]
    [InlineData("nint address = node.Address; [|s_address = address|];")]
    [InlineData("nint address = node.Address; [|s_addresses.Add(address)|];")]
    [InlineData("[|s_array[0] = node.Address|];")]
    public void No_address_is_kept_in_a_collection(string statements) => Check.Refused("SPAN008", InMethod(statements));

    [Theory]
    [InlineData("[|scope.Keep(node)|];")]
    [InlineData("_ = [|scope.Keep(node)|];")]
    [InlineData("_ = [|scope.KeepWeak(node)|];")]
    [InlineData("TracedWeakHandle<Tree> [|weak|] = scope.KeepWeak(node); Console.WriteLine(weak.IsAlive);")]
    [InlineData("[|heap.CreateRoots<Tree>(3)|];")]
    public void A_handle_is_not_dropped(string statements) => Check.Refused("SPAN013", InMethod(statements));

    [Theory]
    [InlineData("[|heap.Collect()|];")]
    [InlineData("if (node.IsNull) { [|heap.FinishSweeping()|]; }")]
    [InlineData("if (!s_task.IsCompleted) { [|s_task.Wait()|]; }")]
    [InlineData("if (node.IsNull) { scope.Dispose(); } else { node.Key = 3; } [|Thread.Sleep(1)|];")]
    public void Nothing_is_waited_for_in_a_scope(string statements) => Check.Refused("SPAN012", InMethod(statements));

    [Theory]
    [InlineData("if (s_task.IsCompleted) { node.Key = s_task.Result; }")]
    [InlineData("if (s_task.IsCompletedSuccessfully && s_task.Result == 3) { node.Key = 3; }")]
    [InlineData("if (node.IsNull) { scope.Dispose(); } else { scope.Dispose(); } Thread.Sleep(1); heap.Collect();")]
    [InlineData("try { node.Key = 3; } finally { scope.Dispose(); } Thread.Sleep(1);")]
    [InlineData("using TracedHeap other = new(); other.Collect();")]
    [InlineData("Pass(ref node.Value.Left); Pass(ref node.Value); Read(node); Write(ref node.Value.Key); Swap(ref node.Value.Key, ref node.Value.Key);")]
    [InlineData("foreach (ref Traced<Tree> slot in SpanOf(node)) { slot.Set(scope, node); } Console.WriteLine(SpanOf(node).Length);")]
    [InlineData("System.Collections.Generic.HashSet<nint> seen = []; seen.Add(node.Address); Console.WriteLine(seen.Contains(node.Address));")]
    [InlineData("s_addresses.Add(scope.NewCollectable(16).Address); TracedRef<byte> block = scope.NewCollectable(16); s_address = block.Address; s_addresses.Add(block.Address); s_addresses.Remove(node.Address);")]
    [InlineData("Console.WriteLine($\"{node.Key} {node.Address} {node.Value.Left.IsNull}\");")]
    [InlineData("Span<long> keys = stackalloc long[4]; keys.Clear(); keys[0] = node.Key; long[] array = keys.ToArray(); Array.Clear(array);")]
    [InlineData("System.Collections.Generic.IEqualityComparer<Tree>? none = null; System.Collections.Generic.List<TracedHandle<Tree>> kept = [scope.Keep(node)]; Console.WriteLine(none == null && kept.Count == 1);")]
    [InlineData("(long a, long b) = (node.Key, node.Left.IsNull ? 1 : 2); (node.Key, a) = (a, b);")]
    [InlineData("if (node is { IsNull: false, Key: > 3 }) { node.Key = 3; }")]
    [InlineData("heap.Enter().Dispose(); Action enter = () => heap.Enter(); enter();")]
    public void These_are_accepted(string statements) => Check.Accepted(InMethod(statements));

    private static string InMethod(string statements) => Tree + $$"""
        public static class C
        {
            private static nint s_address = 0;
            private static readonly nint[] s_array = new nint[3];
            private static readonly System.Collections.Generic.List<nint> s_addresses = [];
            private static readonly System.Collections.Generic.Dictionary<nint, string> s_names = [];
            private static readonly System.Threading.Tasks.Task<int> s_task = System.Threading.Tasks.Task.FromResult(1);

            public static void M(TracedHeap heap)
            {
                using TracedScope scope = heap.Enter();
                TracedRef<Tree> node = scope.New<Tree>();
                {{statements}}
                Console.WriteLine(s_address);
            }

            private static void Hand(Delegate any) => Console.WriteLine(any);
            private static void Swap<T>(ref T one, ref T other) { T kept = one; one = other; other = kept; }
            private static void Reset<T>(ref T place) where T : unmanaged => place = default;
            private static void ResetByOther<T>(ref T place) where T : unmanaged => Reset(ref place);
            private static void ResetBlock<T>(TracedRef<T> block) where T : unmanaged => block.Value = default;
            private static void Pass<T>(ref T place) => Console.WriteLine(typeof(T));
            private static void Read<T>(TracedRef<T> block) where T : unmanaged => Console.WriteLine(block.Address);
            private static void Write(ref long place) => place = 3;
            private static Span<Traced<Tree>> SpanOf(TracedRef<Tree> node) => throw new InvalidOperationException($"{node.Address}");
        }
        """;
}
