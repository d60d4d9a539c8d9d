using System.Runtime.CompilerServices;

namespace SpanHeap.Tests.Architecture;

/// <summary>What is read at one go is short: methods fit a screen or two, and a type does not hide that it is several behind the word <c>partial</c>.</summary>
public sealed class SizeTests
{
    private const int MostLinesOfMethod = 60;
    private const int MostLinesOfType = 400;

    private static readonly Lazy<Dictionary<string, string>> s_files = new(static () => SourceGraph.Read(Path.Combine(Root(), "src")));

    [Fact]
    public void Methods_are_short() => AssertShort(SourceSizes.OfMethods(s_files.Value), MostLinesOfMethod);

    [Fact]
    public void Types_are_short_over_all_their_files() => AssertShort(SourceSizes.OfTypes(s_files.Value), MostLinesOfType);

    [Fact]
    public void A_method_is_counted_from_its_signature_to_its_closing_brace_with_what_is_inside()
    {
        Assert.Equal(
            [new("C.Lines", 5), new("C.Inner", 1), new("C.get", 1), new("C.C", 2)],
            SourceSizes.OfMethods(new Dictionary<string, string>
            {
                ["C.cs"] = """
                    class C
                    {
                        // Not this line.
                        [Obsolete]
                        void Lines()
                        {
                            void Inner() { }
                            Inner();
                        }

                        int Property { get => 1; }

                        C() =>
                            Lines();
                    }
                    """,
            }));
    }

    [Fact]
    public void A_type_is_counted_over_all_its_parts_and_one_of_the_same_name_elsewhere_is_another()
    {
        Assert.Equal(
            [new("N.C", 5), new("N.C`1", 1), new("M.C", 1)],
            SourceSizes.OfTypes(new Dictionary<string, string>
            {
                ["C.cs"] = "namespace N;\n\n/// <summary>Not this line.</summary>\npartial class C\n{\n}",
                ["C.Part.cs"] = "namespace N;\npartial class C\n{ }\nclass C<T>;",
                ["M.cs"] = "namespace M;\nclass C;",
            }));
    }

    private static void AssertShort(IEnumerable<SourceSize> sizes, int most)
    {
        string[] longer = [.. sizes.Where(size => size.Lines > most).OrderByDescending(static size => size.Lines).Select(static size => size.ToString())];
        Assert.True(longer.Length == 0, $"{longer.Length} have more than {most} lines:\n{string.Join('\n', longer)}");
    }

    private static string Root([CallerFilePath] string file = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, "..", ".."));
}
