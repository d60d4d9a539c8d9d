namespace SpanHeap.Generators.Tests;

/// <summary>What is refused of types that have references, or say that they do: SPAN001 to SPAN005.</summary>
public sealed class TracedTypeRuleTests
{
    private const string Tree = "[Traced] public partial struct Tree { public Traced<Tree> Left; public long Key; }\n[Traced] public partial struct Leaf { public Traced<byte> Any; }\n";
    private const string Explicit = "[Traced, System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Explicit)]";
    private const string At = "System.Runtime.InteropServices.FieldOffset";
    private const string Numbers = "[System.Runtime.CompilerServices.InlineArray(5)] public struct Numbers { int _first; }";
    private const string Slots = "[Traced, System.Runtime.CompilerServices.InlineArray(3)] public partial struct Slots { Traced<byte> _first; }";

    [Theory]
    [InlineData("public class C { public Traced<Tree> [|Field|]; }")]
    [InlineData("public class C { public static Traced<Tree> [|Field|]; }")]
    [InlineData("public struct S { public Traced<Tree> [|Field|]; }")]
    [InlineData("public class C { public Tree [|Field|]; }")]
    [InlineData("public class C { public Tree[]? [|Field|]; }")]
    [InlineData("public class C { public (Traced<Tree>, int) [|Field|]; }")]
    [InlineData("[Traced] public partial struct S { public (Traced<Tree>, int) [|Field|]; }")]
    [InlineData("[Traced] public partial struct S { public long Key; public static Traced<Tree> [|Field|]; }")]
    [InlineData("public struct S { public Traced<Tree> [|Field|]; } [Traced] public partial struct T { public S Inner; }")]
    public void References_lie_in_traced_structs_only(string source) => Check.Refused("SPAN001", Tree + source);

    [Theory]
    [InlineData("[Traced] public partial struct S { public Traced<Tree> Left; public string? [|Name|]; }")]
    [InlineData("[Traced] public partial struct S<T> { public Traced<Tree> Left; public T [|Any|]; }")]
    [InlineData("[Traced] public partial struct S { public Traced<Tree> Left; public (string, int) [|Named|]; }")]
    public void Traced_structs_have_no_managed_references(string source) => Check.Refused("SPAN002", Tree + source);

    // The compiler refuses it first, by a constraint, and then runs no rules: its own words do not name the field.
    [Theory]
    [InlineData("[Traced] public partial struct S { public Traced<S> Next; public string? Name; }")]
    [InlineData("[Traced] public partial struct S { public string? Name; } [Traced] public partial struct T { public Traced<S> First; }")]
    [InlineData("[Traced] public partial struct S { public string? Name; } public static class P { public static void M(TracedHeap heap) { using TracedScope scope = heap.Enter(); scope.New<S>(); } }")]
    public void A_build_that_fails_by_a_managed_reference_names_its_field(string source)
    {
        Compiled compiled = Compiled.From(source);

        Assert.Contains(compiled.Said, static one => one.Id == "CS8377");
        Microsoft.CodeAnalysis.Diagnostic said = Assert.Single(compiled.SaidByGenerator);
        Assert.Equal("SPAN002", said.Id);
        Assert.Equal(source.IndexOf("Name;", StringComparison.Ordinal), said.Location.SourceSpan.Start);
    }

    [Theory]
    [InlineData("[Traced] public struct [|S|] { public Traced<Tree> Left; }")]
    [InlineData("public class [|Outer|] { [Traced] public partial struct S { public Traced<Tree> Left; } }")]
    [InlineData("[Traced] file partial struct [|S|] { }")]
    public void Something_can_be_added_to_traced_structs(string source) => Check.Refused("SPAN003", Tree + source);

    [Theory]
    [InlineData(Explicit + "public partial struct S { [" + At + "(0)] public Traced<Tree> [|Left|]; [" + At + "(4)] public int Key; }")]
    [InlineData(Explicit + "public partial struct S { [" + At + "(0)] public Leaf [|Inner|]; [" + At + "(4)] public int Key; }")]
    [InlineData(Explicit + "public partial struct S { [" + At + "(0)] public int Key; [" + At + "(4)] public Traced<Tree> [|Left|]; }")]
    [InlineData(Explicit + "public unsafe partial struct S { [" + At + "(0)] public fixed int Many[5]; [" + At + "(16)] public Traced<Tree> [|Left|]; }")]
    [InlineData(Explicit + "public partial struct S { [" + At + "(0)] public Numbers Many; [" + At + "(16)] public Traced<Tree> [|Left|]; } " + Numbers)]
    [InlineData(Explicit + "public partial struct S { [" + At + "(0)] public Slots [|Many|]; [" + At + "(16)] public long Key; } " + Slots)]
    public void No_field_lies_over_a_reference(string source) => Check.Refused("SPAN004", Tree + source);

    [Theory]
    [InlineData("[Traced] public partial struct S { public Links [|Links|]; } [Traced] public partial struct Links { public Other<S> B; } [Traced] public partial struct Other<T> where T : unmanaged { public Traced<Leaf> C; }")]
    [InlineData("[Traced] public partial struct S { public Tree [|Inner|]; }")]
    [InlineData("[Traced] public partial struct S { public Traced<Four> [|Four|]; } [Traced, System.Runtime.CompilerServices.InlineArray(4)] public partial struct Four { Traced<S> _first; }")]
    [InlineData("[Traced] public partial struct S<T> where T : unmanaged { public Traced<S<T>> A; public Traced<S<long>> [|B|]; }")]
    public void Structs_can_be_loaded(string source)
    {
        Compiled compiled = Compiled.From(Tree + source.Replace("[|", "", StringComparison.Ordinal).Replace("|]", "", StringComparison.Ordinal));
        Assert.All(compiled.Said, static one => Assert.Equal("SPAN005", one.Id));
        Assert.NotEmpty(compiled.Said);
    }

    [Fact]
    public void Both_of_two_structs_that_refer_to_each_other_are_named()
    {
        Compiled compiled = Compiled.From("[Traced] partial struct A { public Traced<B> Other; } [Traced] partial struct B { public Traced<A> Other; }");

        Assert.Equal(["SPAN005", "SPAN005"], compiled.Said.Where(static one => one.Severity == Microsoft.CodeAnalysis.DiagnosticSeverity.Error).Select(static one => one.Id));
    }

    [Theory]
    [InlineData("struct M : ITraced<M> { public Traced<M> A; public Traced<Tree> B; public static TracedLayout Layout => TracedLayout.OfFields(16, 0, 8); }")]
    [InlineData("ref struct R { public ref Traced<Tree> Place; public TracedRef<Tree> Tree; }")]
    [InlineData("class C { public TracedHandle<Tree> Kept; public TracedRoots<Tree>? Roots; public TracedLayout Layout = Tree.Layout; }")]
    [InlineData("[Traced] partial struct A { public Traced<B> Other; } [Traced] partial struct B { public Traced<B> Same; public Traced<Tree> Third; }")]
    [InlineData("[Traced] partial struct A { public long Key; public Four<A> Four; } [Traced, System.Runtime.CompilerServices.InlineArray(4)] partial struct Four<T> where T : unmanaged { Traced<T> _first; }")]
    [InlineData(Explicit + "public unsafe partial struct S { [" + At + "(0)] public fixed int Many[4]; [" + At + "(16)] public Traced<Tree> Left; [" + At + "(24)] public Numbers More; } " + Numbers)]
    public void These_are_accepted(string source)
    {
        Compiled compiled = Compiled.From(Tree + source);
        Assert.True(compiled.Said.All(static one => one.Id is "CS0649"), compiled.ToString());
    }
}
