namespace SpanHeap.Generators.Tests;

/// <summary>
/// Strings, arrays and traced structs that are used as values, each in the way that a newcomer writes without a thought: SPAN007. A copy of a string or
/// an array has other contents than the block, because these follow it in memory.
/// </summary>
public sealed class ValueCopyTests
{
    private const string Tree = "[Traced] public partial struct Tree { public Traced<Tree> Left; public Traced<TracedString> Name; public long Key; }\n";

    // One statement for each way; a place is marked in it. X is the type, and x.Value the block.
    public static TheoryData<string> Ways { get; } =
    [
        "Console.WriteLine($\"{[|x.Value|]}\");",
        "string text = $\"<{[|x.Value|],10}>\"; Console.WriteLine(text);",
        "Console.WriteLine(new System.Text.StringBuilder().Append($\"{[|x.Value|]}\"));",
        "string text = \"a\" + [|x.Value|]; Console.WriteLine(text);",
        "Console.WriteLine(string.Format(null, \"{0}\", [|x.Value|]));",
        "Console.WriteLine([|x.Value|]);",
        "object boxed = [|x.Value|]; Console.WriteLine(boxed);",
        "void Print(X [|value|]) => Console.WriteLine(value.ToString()); Print(x.Value);",
        "static void Print(int before, X [|value|]) { Console.WriteLine(value.ToString()); } Print(1, x.Value);",
        "Hand((X [|value|]) => { });",
        "Hand([|X (TracedRef<X> value) => value.Value|]);",
        "Any([|x.Value|]);",
        "(int, X) [|pair|] = default; Console.WriteLine(pair.Item1);",
        "Console.WriteLine((1, [|x.Value|]).Item1);",
        "Console.WriteLine(([|flag ? x.Value : other.Value|]).ToString());",
        "Console.WriteLine(([|flag switch { true => x.Value, _ => other.Value }|]).ToString());",
        "Pass([|flag ? x.Value : other.Value|]);",
        "X? [|maybe|] = x.Value; Console.WriteLine(maybe.HasValue);",
        "if (x.Value is X [|same|]) { Console.WriteLine(same.ToString()); }",
        "foreach (X [|each|] in default(Span<X>)) { Console.WriteLine(each.ToString()); }",
    ];

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_string_is_not_a_value(string statement) => Check.Refused("SPAN007", InMethod("TracedString", "scope.NewString(\"a\")", statement));

    [Theory]
    [MemberData(nameof(Ways))]
    public void An_array_is_not_a_value(string statement) => Check.Refused("SPAN007", InMethod("TracedArray<Tree>", "scope.NewArray<Tree>(3)", statement));

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_traced_struct_is_not_a_value(string statement) => Check.Refused("SPAN007", InMethod("Tree", "scope.New<Tree>()", statement));

    [Theory]
    [InlineData("public class K { private TracedString [|_name|] = default; public int Length => _name.Length; }")]
    [InlineData("public struct K { public TracedArray<Tree> [|Children|]; }")]
    [InlineData("[Traced] public partial struct K { public Traced<Tree> Tree; public TracedString [|Name|]; }")]
    [InlineData("public static class K { public static int Of(TracedString [|name|]) => name.Length; }")]
    [InlineData("public class K { public int this[TracedString [|name|]] => name.Length; }")]
    [InlineData("public class K { public TracedString [|Name|] { get; set; } }")]
    public void No_member_has_a_string_or_an_array_by_value(string type) => Check.Refused("SPAN007", Tree + type);

    [Theory]
    [InlineData("public class K { private readonly System.Collections.Generic.List<TracedString> [|_names|] = []; public int Count => _names.Count; }")]
    [InlineData("public class K { private readonly System.Collections.Generic.Dictionary<int, TracedString> [|_names|] = []; public int Count => _names.Count; }")]
    public void No_collection_of_the_platform_has_strings_by_value(string type) => Check.Refused("SPAN001", Tree + type);

    [Theory]
    [InlineData("Console.WriteLine(x.Value.ToString()); Console.WriteLine($\"{x.Value.ToString()}\"); Console.WriteLine(x.ToString());")]
    [InlineData("Pass(x.Value); Pass(in x.Value); static int Local(in X value) => value.GetType().Name.Length; Console.WriteLine(Local(x.Value));")]
    [InlineData("ref X value = ref x.Value; ref X one = ref (flag ? ref value : ref other.Value); Console.WriteLine(one.ToString());")]
    [InlineData("Console.WriteLine((flag ? x : other).Value.ToString());")]
    [InlineData("long size = flag ? x.Address : other.Address; Console.WriteLine(size.ToString());")]
    public void These_are_accepted(string statement) => Check.Accepted(InMethod("TracedString", "scope.NewString(\"a\")", statement));

    private static string InMethod(string type, string made, string statement) => Tree + $$"""
        public static class C
        {
            public static void M(TracedHeap heap, bool flag)
            {
                using TracedScope scope = heap.Enter();
                TracedRef<X> x = {{made}};
                TracedRef<X> other = {{made}};
                {{statement}}
                Console.WriteLine($"{flag} {other.IsNull} {x.IsNull}");
            }

            private static void Any<T>(T value) => Console.WriteLine(typeof(T) + value?.ToString());
            private static void Hand(Delegate any) => Console.WriteLine(any);
            private static void Pass(in X value) => Console.WriteLine(value.GetType());
        }
        """.Replace("X", type, StringComparison.Ordinal);
}
