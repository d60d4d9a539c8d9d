using System.Text.RegularExpressions;

namespace SpanHeap.Generators.Tests;

/// <summary>Structs of all shapes get the layout that they have, and properties that read and write it.</summary>
public sealed class GeneratedLayoutTests
{
    [Fact]
    public void A_struct_gets_its_layout_and_properties()
    {
        object? result = Check.Accepted("""
            [Traced] public partial struct Tree { public Traced<Tree> Left; public byte Tag; public Traced<Tree> Right; public long Key; }

            public static class Program
            {
                public static string Run()
                {
                    using TracedHeap heap = new(new TracedHeapOptions { Checks = HeapChecks.Full });
                    using TracedScope scope = heap.Enter();
                    TracedRef<Tree> root = scope.New<Tree>();
                    TracedRef<Tree> leaf = scope.New<Tree>();
                    root.Left = leaf;
                    root.Left.Key = 5;
                    root.Left.Key++;
                    leaf.Tag = 7;
                    leaf.Right = root;
                    root.Right = default;
                    bool isRight = Tree.Layout == TracedLayout.OfFields(32, 0, 16);
                    return $"{isRight} {leaf.Key} {leaf.Tag} {leaf.Right.Is(root)} {root.Right.IsNull} {root.Value.Left.Get(scope).Is(leaf)}";
                }
            }
            """).Run();

        Assert.Equal("True 6 7 True True True", result);
    }

    [Theory]
    [InlineData("[Traced] partial struct T { public long A; public Traced<T> B; int C; private Traced<byte> _d; }", "OfFields(32, 8, 24)")]
    [InlineData("[Traced] partial struct T { public long A; }", "NoPointers")]
    [InlineData("[Traced] partial struct T { public I A; public int B; public I C; } [Traced] partial struct I { long X; public Traced<byte> Y; }", "OfFields(40, 8, 32)")]
    [InlineData("[Traced, System.Runtime.CompilerServices.InlineArray(3)] partial struct T { Traced<byte> _first; }", "OfFields(24, 0, 8, 16)")]
    [InlineData("[Traced, System.Runtime.CompilerServices.InlineArray(2)] partial struct T { I _first; } [Traced] partial struct I { long X; public Traced<byte> Y; }", "OfFields(32, 8, 24)")]
    [InlineData("[Traced] partial struct T { public long A; public Four<T> B; } [Traced, System.Runtime.CompilerServices.InlineArray(2)] partial struct Four<X> where X : unmanaged { Traced<X> _first; }", "OfFields(24, 8, 16)")]
    [InlineData("[Traced] readonly partial struct T { public readonly Traced<T> A; public readonly long B; }", "OfFields(16, 0)")]
    [InlineData("[Traced] partial record struct T { public Traced<byte> A; public long B; }", "OfFields(16, 0)")]
    [InlineData("struct M : ITraced<M> { public Traced<byte> A; public static TracedLayout Layout => TracedLayout.OfFields(8, 0); } [Traced] partial struct T { public long A; public M B; }", "OfFields(16, 8)")]
    [InlineData("[Traced] partial struct T { public Traced<TracedArray<T>> Items; public (int, int) Plain; public DateTime When; }", "OfFields(24, 0)")]
    [InlineData("[Traced] unsafe partial struct T { public fixed int Many[4]; public byte* Bytes; public delegate*<void> Call; public Traced<T> A; }", "OfFields(40, 32)")]
    [InlineData("[Traced, System.Runtime.InteropServices.StructLayout(System.Runtime.InteropServices.LayoutKind.Explicit)] partial struct T { [System.Runtime.InteropServices.FieldOffset(8)] public Traced<T> A; [System.Runtime.InteropServices.FieldOffset(0)] public int B; [System.Runtime.InteropServices.FieldOffset(0)] public float C; }", "OfFields(16, 8)")]
    public void References_are_found_where_they_lie(string types, string layout)
    {
        Assert.Equal(true, Check.Accepted($$"""
            {{types}}
            public static class Program { public static bool Run() => TracedHelp.Of<T>() == TracedLayout.{{layout}}; }
            static class TracedHelp { public static TracedLayout Of<X>() where X : unmanaged, ITraced<X> => X.Layout; }
            """).Run());
    }

    [Theory]
    [InlineData("[Traced] public partial struct S { [RefersTo<T>] public Traced<byte> Other; } [Traced] public partial struct T { public Traced<S> Back; }", "public")]
    [InlineData("[Traced] public partial struct S { [RefersTo<T>] public Traced<byte> Other; } [Traced] partial struct T { public Traced<S> Back; }", "internal")]
    [InlineData("[Traced] public partial struct S { [RefersTo<T<U>>] public Traced<byte> Other; } [Traced] public partial struct T<X> where X : unmanaged { public Traced<X> Back; } struct U { long _key; }", "internal")]
    [InlineData("public static partial class Outer { [Traced] public partial struct S { [RefersTo<T>] public Traced<byte> Other; public long Key; } [Traced] private partial struct T { public Traced<S> Back; } }", "")]
    [InlineData("[Traced] public partial struct S { [RefersTo<T>] public Traced<byte> Other; } file struct T { long _key; }", "")]
    public void A_property_is_no_more_visible_than_what_its_field_is_said_to_refer_to(string types, string visibility)
    {
        Compiled compiled = Compiled.From(types);

        Assert.True(compiled.Said.All(static one => one.Id is "CS0169"), compiled.ToString());
        Assert.Equal(visibility, Regex.Match(compiled.ToString(), @"(\w+) global::SpanHeap\.Traced\.TracedRef<.*> Other$", RegexOptions.Multiline).Groups[1].Value);
    }

    [Fact]
    public void Generic_structs_have_a_layout_for_each_argument()
    {
        Assert.Equal("True True", Check.Accepted("""
            [Traced] public partial struct Node { public Traced<Node> Next; }
            [Traced] public partial struct Pair<TFirst, TSecond>
                where TFirst : unmanaged, ITraced<TFirst>
                where TSecond : unmanaged, IComparable<TSecond>
            {
                public TFirst First;
                public TSecond Second;
                public Traced<Pair<TFirst, TSecond>> Next;
                public Traced<TFirst> Other;
            }

            public static class Program
            {
                public static string Run()
                {
                    using TracedHeap heap = new();
                    using TracedScope scope = heap.Enter();
                    TracedRef<Pair<Node, int>> pair = scope.New<Pair<Node, int>>();
                    pair.Second = 3;
                    pair.Next = pair;
                    pair.Other = scope.New<Node>();
                    pair.First.Next.Set(scope, pair.Other);
                    bool isSame = pair.Next.Is(pair) && pair.Second == 3;
                    return $"{isSame} {Pair<Node, int>.Layout == TracedLayout.OfFields(32, 0, 16, 24)}";
                }
            }
            """).Run());
    }

    [Fact]
    public void Where_only_the_user_knows_a_type_it_must_have_no_references()
    {
        object? message = Check.Accepted("""
            [Traced] public partial struct Node { public Traced<Node> Next; }
            [Traced] public partial struct Box<T> where T : unmanaged { public T Value; public (T, int) Both; }

            public static class Program
            {
                public static string Run()
                {
                    if (Box<long>.Layout != TracedLayout.NoPointers)
                    {
                        return "not plain";
                    }

                    try { return Box<Node>.Layout.ToString()!; }
                    catch (TypeInitializationException error) { return error.InnerException!.Message; }
                }
            }
            """).Run();

        Assert.StartsWith("Node has references (Traced<T>), which no collection would find in Box`1: constrain its type parameter to ITraced", (string)message!, StringComparison.Ordinal);
    }

    [Fact]
    public void Structs_that_refer_to_each_other_say_so_by_an_attribute()
    {
        Assert.Equal(true, Check.Accepted("""
            [Traced] public partial struct Statement { [RefersTo<Expression>] public Traced<byte> First; public Traced<Statement> Next; }
            [Traced] public partial struct Expression { public Traced<Statement> Body; }

            public static class Program
            {
                public static bool Run()
                {
                    using TracedHeap heap = new();
                    using TracedScope scope = heap.Enter();
                    TracedRef<Statement> statement = scope.New<Statement>();
                    TracedRef<Expression> expression = scope.New<Expression>();
                    statement.First = expression;
                    expression.Body = statement;
                    return statement.First.Body.Is(statement);
                }
            }
            """).Run());
    }

    [Fact]
    public void Names_may_be_keywords_and_types_may_stand_anywhere()
    {
        Assert.Equal(true, Check.Accepted("""
            namespace @namespace.Inner
            {
                public partial class Outer<@in> where @in : class
                {
                    internal partial record Middle
                    {
                        protected internal partial interface IPlace
                        {
                            [Traced] internal partial struct @struct { public Traced<@struct> @class; internal int @event; public long block; public long Value; public int Layout; private int MakeTracedLayout; public int Use() => MakeTracedLayout; }
                            [Traced] private partial struct Hidden { public Traced<Hidden> Next; }
                            static int Touch() => Hidden.Layout.GetHashCode() + default(@struct).Use();
                        }
                    }
                }
                [Traced] partial struct TreeProperties { public Traced<Tree> Next; }
                [Traced] partial struct Tree { public Traced<Tree> Next; }
                [Traced] partial struct tree { public Traced<tree> Next; }
            }

            namespace User
            {
                using @namespace.Inner;
                using Struct = @namespace.Inner.Outer<string>.Middle.IPlace.@struct;
                static class Users
                {
                    public static bool Use(TracedHeap heap)
                    {
                        using TracedScope scope = heap.Enter();
                        TracedRef<Struct> one = scope.New<Struct>();
                        one.@class = one;
                        one.@event = 3;
                        one.block = 4;
                        one.Value.Value = 5;
                        one.Layout = 6;
                        return one.@class.Is(one) && one.Value.@event + one.block + one.Layout == 13;
                    }
                }
            }

            public static class Program
            {
                public static bool Run()
                {
                    using TracedHeap heap = new();
                    return User.Users.Use(heap);
                }
            }
            """).Run());
    }

    [Fact]
    public void Before_extension_members_there_is_a_layout_only()
    {
        Compiled compiled = Compiled.From("[Traced] public partial struct T { public Traced<T> A; }", Microsoft.CodeAnalysis.CSharp.LanguageVersion.CSharp13);

        Assert.Empty(compiled.Said);
        Assert.DoesNotContain("extension", Assert.Single(compiled.Generated), StringComparison.Ordinal);
    }

    [Fact]
    public void Who_describes_a_struct_by_hand_gets_properties_only()
    {
        Assert.DoesNotContain("TracedLayoutBuilder", Assert.Single(Check.Accepted("""
            [Traced] public partial struct T : ITraced<T> { public Traced<T> A; public static TracedLayout Layout { get; } = TracedLayout.OfFields(8, 0); }
            """).Generated), StringComparison.Ordinal);
    }
}
