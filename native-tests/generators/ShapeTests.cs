namespace SpanHeap.Generators.Tests;

/// <summary>Structs that are named or marked so that generated code had no way of naming them, or that had no word said of them.</summary>
public sealed class ShapeTests
{
    [Theory]
    [InlineData("namespace N; [Traced] public partial struct Node<T> where T : unmanaged { public Traced<Node<T>> Next; } [Traced] public partial struct Node1 { public Traced<Node1> Next; }")]
    [InlineData("namespace N; public partial class A { [Traced] public partial struct B { public Traced<B> Next; } } [Traced] public partial struct A_B { public Traced<A_B> Next; }")]
    [InlineData("namespace N; public partial class A<T> { [Traced] public partial struct B { public Traced<B> Next; } } public partial class A1 { [Traced] public partial struct B { public Traced<B> Next; } }")]
    [InlineData("namespace N { [Traced] public partial struct Node { public Traced<Node> Next; } } namespace N.NodeProperties { public class C { } }")]
    [InlineData("[Traced] public partial struct Node { public Traced<Node> NodeProperties; public long NodeProperties_; }")]
    [InlineData("[Traced] public partial struct Node { public Traced<Node> Left; public long get_Left; public long set_Left; }")]
    [InlineData("[Traced] public partial struct Node { public Traced<Node> Next; [Obsolete(\"no\", true)] public long Old; [Obsolete(\"no\", true)] public Traced<Node> Older; [Obsolete] public long Oldest; }")]
    [InlineData("[Obsolete(\"no\", true)] [Traced] public partial struct Node { public Traced<Node> Next; public long New; }")]
    [InlineData("[Traced] public partial struct Node { public Traced<Node> Next; [System.Diagnostics.CodeAnalysis.Experimental(\"EXP1\")] public long New; }")]
    [InlineData("public interface INode<T> : ITraced<T> where T : unmanaged, INode<T> { } [Traced] public partial struct Node : INode<Node> { public Traced<Node> Next; }")]
    [InlineData("[Traced] public partial struct Node<T> where T : unmanaged { public Traced<Node<T>> Next; public T? Item; public long? Key; }")]
    [InlineData("[Traced] public partial struct Node : ITraced<Node> { public Traced<Node> Next; }")]
    [InlineData("[Traced, System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Sequential, Pack = 4)] public partial struct P { public Traced<P> Next; public Traced<P> Last; public int B; }")]
    public void These_are_generated_for(string source)
    {
        Compiled compiled = Compiled.From(source);
        Assert.True(compiled.Said.All(static one => one.Id is "CS0649"), compiled.ToString());
        Assert.All(compiled.Generated, static text => Assert.Contains("TracedLayoutBuilder", text, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Pack = 1)] public partial struct P { public byte B; public Traced<P> [|Next|]; }")]
    [InlineData("Pack = 4)] public partial struct P { public int B; public Traced<P> [|Next|]; }")]
    [InlineData("Pack = 2)] public partial struct P { public long A; public short B; public Traced<P> [|Next|]; public Traced<P> Last; }")]
    [InlineData("Size = 64)] public partial struct P { public int A; public I [|Inner|]; } [Traced, System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Sequential, Pack = 4)] public partial struct I { public Traced<byte> A; }")]
    public void No_packed_reference_lies_at_another_place_than_a_multiple_of_8(string source) =>
        Check.Refused("SPAN004", "[Traced, System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Sequential, " + source);

    [Fact]
    public void A_ref_struct_is_not_traced() => Check.Refused("SPAN016", "[Traced] public ref partial struct [|Node|] { public Traced<byte> Next; }");

    [Fact]
    public void A_layout_by_an_interface_of_the_program_is_the_one_that_counts() => Assert.Equal("True 5", Check.Accepted("""
        public interface INode<T> : ITraced<T> where T : unmanaged, INode<T> { }
        [Traced] public partial struct Node : INode<Node> { public long Key; public Traced<Node> Next; }
        public static class Program
        {
            public static string Run()
            {
                using TracedHeap heap = new();
                using TracedScope scope = heap.Enter();
                TracedRef<Node> node = scope.New<Node>();
                node.Next = node;
                node.Next.Key = 5;
                return $"{Node.Layout == TracedLayout.OfFields(16, 8)} {node.Key}";
            }
        }
        """).Run());

    [Fact]
    public void A_field_whose_name_a_reference_has_itself_gets_a_property_of_another() => Assert.Equal("5 6 7 8", Check.Accepted("""
        [Traced] public partial struct Node { public Traced<Node> Next; public long Value; public long Address; public Traced<Node> Is; public long IsField; public new long ToString; }
        public static class Program
        {
            public static string Run()
            {
                using TracedHeap heap = new();
                using TracedScope scope = heap.Enter();
                TracedRef<Node> node = scope.New<Node>();
                node.ValueField = 5;
                node.AddressField = 6;
                node.IsField = 7;
                node.ToStringField = 8;
                node.IsField_ = node;
                return $"{node.Value.Value} {node.Value.Address} {node.IsField_.IsField} {node.ToStringField}";
            }
        }
        """).Run());

    [Theory]
    [InlineData("node.[|Value|] = 5;", "CS0029")]
    [InlineData("if (node.[|Value|] == 5) { }", "CS0019")]
    [InlineData("long value = node.[|Value|];", "CS0029")]
    [InlineData("node.[|Value|] += 5;", "CS0019")]
    [InlineData("node.[|Address|] = 5L;", "CS0200")]
    public void The_error_for_what_is_meant_as_such_a_field_names_its_property(string statement, string compiler) => AssertTold("SPAN017", statement, compiler);

    [Theory]
    [InlineData("[|node.Next|].Next = node;")]
    [InlineData("[|Find(node)|].Next = node;")]
    public void A_reference_is_set_where_a_variable_has_it(string statement) => AssertTold("SPAN018", statement, "CS1612");

    [Theory]
    [InlineData("SPAN003", "[Traced] public struct S { public Traced<S> Next; } public static class P { static void M(TracedHeap heap) { using TracedScope scope = heap.Enter(); scope.New<S>(); } }")]
    [InlineData("SPAN005", "[Traced] public partial struct A { public Traced<B> Other; } [Traced] public partial struct B { public Traced<A> Other; } public static class P { static void M(TracedHeap heap) { using TracedScope scope = heap.Enter(); scope.New<A>(); } }")]
    [InlineData("SPAN015", "[Traced] public partial struct A { public Traced<A> Other; } public static class P { static TracedRef<A> M(scoped in TracedScope scope) => scope.New<A>(); }")]
    [InlineData("SPAN009", "[Traced] public partial struct A { public Traced<A> Other; } public static class P { static TracedRef<A> M(TracedHeap heap) { using TracedScope scope = heap.Enter(); return scope.New<A>().Other; } }")]
    public void A_build_that_fails_says_what_the_rules_say(string rule, string source) =>
        Assert.Contains(Compiled.From(source).SaidByGenerator, one => one.Id == rule);

    [Fact]
    public void A_build_that_succeeds_leaves_the_rules_to_the_compiler() => Assert.Empty(Compiled.From(
        "[Traced] public partial struct A { public Traced<A> Other; } public static class P { static void M(TracedHeap heap) { heap.Enter(); } }").SaidByGenerator);

    private static void AssertTold(string rule, string marked, string compiler)
    {
        const string Before = """
            [Traced] public partial struct Node { public Traced<Node> Next; public long Value; public string Text => ""; public long Address; }
            public static class C { static TracedRef<Node> Find(TracedRef<Node> node) => node.Next; static void M(TracedRef<Node> node) { 
            """;
        string source = Before + marked.Replace("[|", "", StringComparison.Ordinal).Replace("|]", "", StringComparison.Ordinal) + " } }";
        Compiled compiled = Compiled.From(source);

        Assert.Contains(compiled.Said, one => one.Id == compiler);
        Microsoft.CodeAnalysis.Diagnostic said = Assert.Single(compiled.Said, one => one.Id == rule);
        Assert.Equal(Before.Length + marked.IndexOf("[|", StringComparison.Ordinal), said.Location.SourceSpan.Start);
    }
}
