using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Rules;

/// <summary>Handles and root arrays that are made, kept in a local, and forgotten there.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class HandleAnalyzer() : Rule(Descriptors.HandleLost)
{
    private protected override void Register(AnalysisContext context) =>
        context.RegisterOperationAction(Check, OperationKind.VariableDeclarator);

    private static void Check(OperationAnalysisContext context)
    {
        var declarator = (IVariableDeclaratorOperation)context.Operation;
        if (declarator.GetVariableInitializer()?.Value is IInvocationOperation { TargetMethod: { } method } && IsMaker(method) && !Usage.IsUsing(declarator)
            && !Usage.Of(declarator).Any(static use => Usage.IsCallOf(use, "Dispose") || Usage.IsHandedOn(use, byReference: true)))
        {
            context.ReportDiagnostic(Diagnostic.Create(Descriptors.HandleLost, declarator.Symbol.Locations[0], declarator.Symbol.Name));
        }
    }

    private static bool IsMaker(IMethodSymbol method) =>
        (method.Name == "Keep" && KnownTypes.IsScope(method.ContainingType)) || (method.Name == "CreateRootArray" && KnownTypes.IsHeap(method.ContainingType));
}
