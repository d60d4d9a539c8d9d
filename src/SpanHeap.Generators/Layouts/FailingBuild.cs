using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using SpanHeap.Generators.Rules;

namespace SpanHeap.Generators.Layouts;

/// <summary>
/// Reports in a failing build what the rules say about code that the compiler refuses. The compiler runs no analyzer when anything has an error,
/// and its own messages do not say what to do: that a struct must be <c>partial</c>, how a scope must be passed, where a property is.
/// </summary>
/// <remarks>
/// Editors always run analyzers, and skip this because it produces no source. In a successful build it costs one more look at the bodies of methods
/// that use traced memory.
/// </remarks>
[Generator]
public sealed class FailingBuild : IIncrementalGenerator
{
    private static readonly ImmutableArray<DiagnosticAnalyzer> s_rules =
    [
        new AddressAnalyzer(), new CopyAnalyzer(), new EscapeAnalyzer(), new HandleAnalyzer(), new HiddenAnalyzer(), new LifetimeAnalyzer(),
        new PlaceAnalyzer(), new RawAnalyzer(), new ScopeAnalyzer(), new TracedTypeAnalyzer(), new WaitingAnalyzer(),
    ];

    // Words that a file contains if it uses traced memory.
    private static readonly string[] s_words = ["TracedScope", "TracedRef", "Traced"];

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context) => context.RegisterImplementationSourceOutput(
        context.CompilationProvider.Combine(TracedGenerator.Files(context).Collect()), static (output, all) => Report(output, all.Left, all.Right));

    // Runs the rules if any file that uses traced memory has an error, with everything that is generated.
    private static void Report(SourceProductionContext output, Compilation written, ImmutableArray<(string Name, string Text)> generated)
    {
        SyntaxTree[] trees = [.. written.SyntaxTrees.Where(tree => UsesTracedMemory(tree, output.CancellationToken))];
        if (trees.Length == 0)
        {
            return;
        }

        var options = (CSharpParseOptions)trees[0].Options;
        Compilation whole = written.AddSyntaxTrees(generated.Select(file => CSharpSyntaxTree.ParseText(file.Text, options, file.Name, cancellationToken: output.CancellationToken)));
        SemanticModel[] models = [.. trees.Select(tree => whole.GetSemanticModel(tree))];
        if (!models.Any(model => HasError(model, output.CancellationToken)))
        {
            return;
        }

        CompilationWithAnalyzers rules = whole.WithAnalyzers(s_rules, new CompilationWithAnalyzersOptions(
            new AnalyzerOptions([]), onAnalyzerException: null, concurrentAnalysis: false, logAnalyzerExecutionTime: false));
        foreach (SemanticModel model in models)
        {
            foreach (Diagnostic said in rules.GetAnalyzerSemanticDiagnosticsAsync(model, null, output.CancellationToken).GetAwaiter().GetResult())
            {
                output.ReportDiagnostic(said);
            }
        }
    }

    private static bool UsesTracedMemory(SyntaxTree tree, CancellationToken cancellation)
    {
        string text = tree.GetText(cancellation).ToString();
        return s_words.Any(word => text.Contains(word));
    }

    private static bool HasError(SemanticModel model, CancellationToken cancellation) =>
        model.GetDeclarationDiagnostics(null, cancellation).Concat(model.GetMethodBodyDiagnostics(null, cancellation)).Any(static one => one.Severity == DiagnosticSeverity.Error);
}
