using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Rules;

/// <summary>
/// Finds references that a local carries out of the block of a scope that the method itself opened, while no other scope is known to be open.
/// </summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class EscapeAnalyzer() : Rule(Descriptors.Escaping)
{
    private protected override void Register(AnalysisContext context) =>
        context.RegisterOperationAction(CheckAssignment, OperationKind.SimpleAssignment);

    private static void CheckAssignment(OperationAnalysisContext context)
    {
        var assignment = (ISimpleAssignmentOperation)context.Operation;
        if (assignment.Target is not ILocalReferenceOperation { Local: { } local } || !MayBeBlock(assignment.Value)
            || OpenScope.IsGiven(assignment, context.ContainingSymbol))
        {
            return;
        }

        // The local must be declared before the outermost scope around, and used after it.
        if (OpenScope.Around(assignment).LastOrDefault() is { } outermost && outermost.Region is IUsingOperation or IBlockOperation
            && !Contains(outermost.Region, local)
            && Usage.Of(Usage.Root(assignment), local).FirstOrDefault(use => use.Syntax.SpanStart >= outermost.Region.Syntax.Span.End) is { } later
            && !Usage.IsWrite(later))
        {
            context.ReportDiagnostic(Diagnostic.Create(Descriptors.Escaping, assignment.Syntax.GetLocation(), local.Name, outermost.Scope.Name));
        }
    }

    private static bool Contains(IOperation region, ILocalSymbol local) =>
        local.Locations.Any(place => region.Syntax.Span.Contains(place.SourceSpan));

    // A reference to nothing needs no scope.
    private static bool MayBeBlock(IOperation value) =>
        KnownTypes.IsReference(value.Type) && (value is IConversionOperation conversion ? conversion.Operand : value) is not (IDefaultValueOperation or IObjectCreationOperation { Arguments.Length: 0 });
}
