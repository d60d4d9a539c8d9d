using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators.Tests;

public sealed class DocumentationTests
{
    [Fact]
    public void Each_rule_is_documented_and_an_error()
    {
        using StreamReader reader = new(typeof(DocumentationTests).Assembly.GetManifestResourceStream("Diagnostics.md")!);
        string documentation = reader.ReadToEnd();
        DiagnosticDescriptor[] rules = [.. Compiled.Rules.SelectMany(static one => one.SupportedDiagnostics).DistinctBy(static one => one.Id)];

        Assert.Equal(18, rules.Length);
        Assert.All(rules, one => Assert.Contains($"| {one.Id} |", documentation, StringComparison.Ordinal));
        Assert.All(rules, static one => Assert.Equal(DiagnosticSeverity.Error, one.DefaultSeverity));
    }
}
