using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace SpanHeap.Generators.Tests;

/// <summary>What tests say of source code.</summary>
internal static class Check
{
    private const string Open = "[|";
    private const string Close = "|]";

    // What the compiler says of references that are let go farther than what they were made from.
    private static readonly HashSet<string> s_lifetimes =
        ["CS8156", "CS8166", "CS8168", "CS8332", "CS8347", "CS8350", "CS8352", "CS9075", "CS9077", "CS9080", "CS9087", "CS9091"];

    /// <summary>Compiler and rules have nothing to say.</summary>
    public static Compiled Accepted(string source)
    {
        Compiled compiled = Compiled.From(source);
        Assert.True(compiled.Said.Count == 0, compiled.ToString());
        return compiled;
    }

    /// <summary>The compiler refuses it by its own rules of how far references go, whatever else is said.</summary>
    public static void RefusedByCompiler(string source)
    {
        Compiled compiled = Compiled.From(source);
        Assert.True(compiled.Said.Any(IsOfLifetimes), compiled.ToString());
        Assert.True(compiled.Said.All(static one => one.Id.StartsWith("SPAN", StringComparison.Ordinal) || IsOfLifetimes(one)), compiled.ToString());
    }

    private static bool IsOfLifetimes(Diagnostic said) => s_lifetimes.Contains(said.Id);

    /// <summary>Exactly one rule has something to say, at the place in <c>[|</c> and <c>|]</c>; the compiler may refuse it as well, as a reference that goes too far.</summary>
    public static void Refused(string rule, string marked)
    {
        int start = marked.IndexOf(Open, StringComparison.Ordinal);
        int end = marked.IndexOf(Close, StringComparison.Ordinal) - Open.Length;
        Assert.True(start >= 0 && end > start, "The place is not marked.");
        string source = marked.Replace(Open, "", StringComparison.Ordinal).Replace(Close, "", StringComparison.Ordinal);

        Compiled compiled = Compiled.From(source);
        Diagnostic[] rules = [.. compiled.Said.Where(static one => !IsOfLifetimes(one))];

        Assert.True(rules.Length == 1, compiled.ToString());
        Diagnostic said = rules[0];
        Assert.Equal(rule, said.Id);
        Assert.Equal(DiagnosticSeverity.Error, said.Severity);
        TextSpan place = said.Location.SourceSpan;
        Assert.Equal(source[start..end], source.Substring(place.Start, place.Length));
        Assert.Equal(start, place.Start);
    }
}
