using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using SpanHeap.Generators.Layouts;

namespace SpanHeap.Generators.Tests;

public sealed class IncrementalTests
{
    [Fact]
    public void Nothing_is_written_anew_that_has_not_changed()
    {
        SyntaxTree traced = CSharpSyntaxTree.ParseText("[SpanHeap.Traced.Traced] partial struct T { public SpanHeap.Traced.Traced<T> A; }");
        SyntaxTree other = CSharpSyntaxTree.ParseText("class C { }");
        CSharpCompilation before = CSharpCompilation.Create("Written", [traced, other], Compiled.References);
        GeneratorDriver driver = CSharpGeneratorDriver.Create(
            [new TracedGenerator().AsSourceGenerator()], driverOptions: new GeneratorDriverOptions(IncrementalGeneratorOutputKind.None, trackIncrementalGeneratorSteps: true));

        driver = driver.RunGenerators(before);
        driver = driver.RunGenerators(before.ReplaceSyntaxTree(other, CSharpSyntaxTree.ParseText("class C { int _added; }")));

        GeneratorRunResult result = Assert.Single(driver.GetRunResult().Results);
        Assert.Single(result.GeneratedSources);
        Assert.All(result.TrackedOutputSteps.SelectMany(static step => step.Value).SelectMany(static run => run.Outputs), static output => Assert.Equal(IncrementalStepRunReason.Cached, output.Reason));
    }
}
