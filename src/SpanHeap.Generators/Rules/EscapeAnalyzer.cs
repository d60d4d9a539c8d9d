using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Rules;

/// <summary>References that a method takes out of a scope that it has opened itself, while no other is known to be open.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class EscapeAnalyzer() : Rule(Descriptors.Escaping)
{
    private protected override void Register(AnalysisContext context)
    {
        context.RegisterOperationAction(CheckReturn, OperationKind.Return);
        context.RegisterOperationAction(CheckAssignment, OperationKind.SimpleAssignment);
    }

    private static void CheckReturn(OperationAnalysisContext context)
    {
        if (((IReturnOperation)context.Operation).ReturnedValue is { } value && MayBeBlock(value) && value is not IParameterReferenceOperation
            && !OpenScope.IsGiven(value, context.ContainingSymbol) && OpenScope.Around(context.Operation).LastOrDefault() is { } outermost)
        {
            Report(context, value, outermost);
        }
    }

    private static void CheckAssignment(OperationAnalysisContext context)
    {
        var assignment = (ISimpleAssignmentOperation)context.Operation;
        if (assignment.Target is not ILocalReferenceOperation { Local: { } local } || !MayBeBlock(assignment.Value)
            || OpenScope.IsGiven(assignment, context.ContainingSymbol))
        {
            return;
        }

        // The outermost scope around must be one that the local is declared before, and used after.
        if (OpenScope.Around(assignment).LastOrDefault() is { } outermost && outermost.Region is IUsingOperation or IBlockOperation
            && !Contains(outermost.Region, local)
            && Usage.Of(Usage.Root(assignment), local).FirstOrDefault(use => use.Syntax.SpanStart >= outermost.Region.Syntax.Span.End) is { } later
            && !Usage.IsWrite(later))
        {
            Report(context, assignment, outermost);
        }
    }

    private static bool Contains(IOperation region, ILocalSymbol local) =>
        local.Locations.Any(place => region.Syntax.Span.Contains(place.SourceSpan));

    // A reference to nothing needs no scope.
    private static bool MayBeBlock(IOperation value) =>
        KnownTypes.IsReference(value.Type) && (value is IConversionOperation conversion ? conversion.Operand : value) is not (IDefaultValueOperation or IObjectCreationOperation { Arguments.Length: 0 });

    private static void Report(OperationAnalysisContext context, IOperation place, OpenScope open) =>
        context.ReportDiagnostic(Diagnostic.Create(Descriptors.Escaping, place.Syntax.GetLocation(), open.Scope.Name));
}
