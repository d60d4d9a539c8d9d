using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Rules;

/// <summary>Finds handles and root arrays that are made, kept at most in a local, and never disposed.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class HandleAnalyzer() : Rule(Descriptors.HandleLost)
{
    private protected override void Register(AnalysisContext context)
    {
        context.RegisterOperationAction(Check, OperationKind.VariableDeclarator);
        context.RegisterOperationAction(CheckDropped, OperationKind.Invocation);
    }

    // A handle that no variable ever held. A lambda that is only a call is there for what the call throws.
    private static void CheckDropped(OperationAnalysisContext context)
    {
        var call = (IInvocationOperation)context.Operation;
        if (IsMaker(call.TargetMethod)
            && (call.Parent is ISimpleAssignmentOperation { Target: IDiscardOperation } || (call.Parent is IExpressionStatementOperation && call.Syntax.Parent is not LambdaExpressionSyntax)))
        {
            context.ReportDiagnostic(Diagnostic.Create(Descriptors.HandleLost, call.Syntax.GetLocation(), call.TargetMethod.Name));
        }
    }

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
        (method.Name is "Keep" or "KeepWeak" && KnownTypes.IsScope(method.ContainingType)) || (method.Name == "CreateRoots" && KnownTypes.IsHeap(method.ContainingType));
}
