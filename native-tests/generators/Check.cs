using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;

namespace SpanHeap.Generators.Tests;

/// <summary>What tests say of source code.</summary>
internal static class Check
{
    private const string Open = "[|";
    private const string Close = "|]";

    /// <summary>Compiler and rules have nothing to say.</summary>
    public static Compiled Accepted(string source)
    {
        Compiled compiled = Compiled.From(source);
        Assert.True(compiled.Said.Count == 0, compiled.ToString());
        return compiled;
    }

    /// <summary>Exactly one rule has something to say, at the place in <c>[|</c> and <c>|]</c>.</summary>
    public static void Refused(string rule, string marked)
    {
        int start = marked.IndexOf(Open, StringComparison.Ordinal);
        int end = marked.IndexOf(Close, StringComparison.Ordinal) - Open.Length;
        Assert.True(start >= 0 && end > start, "The place is not marked.");
        string source = marked.Replace(Open, "", StringComparison.Ordinal).Replace(Close, "", StringComparison.Ordinal);

        Compiled compiled = Compiled.From(source);

        Assert.True(compiled.Said.Count == 1, compiled.ToString());
        Diagnostic said = compiled.Said[0];
        Assert.Equal(rule, said.Id);
        Assert.Equal(DiagnosticSeverity.Error, said.Severity);
        TextSpan place = said.Location.SourceSpan;
        Assert.Equal(source[start..end], source.Substring(place.Start, place.Length));
        Assert.Equal(start, place.Start);
    }
}
