using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;

namespace SpanHeap.Generators.Rules;

/// <summary>The base of all rules: they look at code that is not generated, at several places concurrently, and keep no state.</summary>
public abstract class Rule : DiagnosticAnalyzer
{
    private protected Rule(params DiagnosticDescriptor[] descriptors) => SupportedDiagnostics = [.. descriptors];

    /// <inheritdoc/>
    public sealed override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; }

    /// <inheritdoc/>
    public sealed override void Initialize(AnalysisContext context)
    {
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.None);
        context.EnableConcurrentExecution();
        Register(context);
    }

    /// <summary>Registers what the rule looks at.</summary>
    private protected abstract void Register(AnalysisContext context);
}
