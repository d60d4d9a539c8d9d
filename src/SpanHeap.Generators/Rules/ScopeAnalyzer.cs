using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Rules;

/// <summary>Scopes that are copied, and those that nobody ends.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class ScopeAnalyzer() : Rule(Descriptors.ScopeCopied, Descriptors.ScopeOpen)
{
    private protected override void Register(AnalysisContext context)
    {
        context.RegisterOperationAction(CheckCopy, OperationKind.VariableDeclarator);
        context.RegisterOperationAction(CheckEnter, OperationKind.Invocation);
    }

    private static void CheckCopy(OperationAnalysisContext context)
    {
        var declarator = (IVariableDeclaratorOperation)context.Operation;
        string? original = declarator.GetVariableInitializer()?.Value switch
        {
            ILocalReferenceOperation local => local.Local.Name,
            IParameterReferenceOperation parameter => parameter.Parameter.Name,
            _ => null,
        };
        if (original != null && declarator.Symbol.RefKind == RefKind.None && KnownTypes.IsScope(declarator.Symbol.Type))
        {
            context.ReportDiagnostic(Diagnostic.Create(Descriptors.ScopeCopied, declarator.Symbol.Locations[0], declarator.Symbol.Name, original));
        }
    }

    private static void CheckEnter(OperationAnalysisContext context)
    {
        var call = (IInvocationOperation)context.Operation;
        if (call.TargetMethod.Name != "Enter" || !KnownTypes.IsHeap(call.TargetMethod.ContainingType))
        {
            return;
        }

        bool isLost = call.Parent switch
        {
            // A lambda that is all call is there for what the call throws.
            IExpressionStatementOperation => call.Syntax.Parent is not LambdaExpressionSyntax,
            ISimpleAssignmentOperation { Target: IDiscardOperation } => true,
            IVariableInitializerOperation { Parent: IVariableDeclaratorOperation declarator } => IsLost(declarator),

            // Who is lent it does not end it, and nobody else can.
            IArgumentOperation argument => argument.Parameter is { RefKind: not RefKind.None },
            IInvocationOperation next => next.Instance == call && next.TargetMethod.Name != "Dispose",
            _ => false,
        };
        if (isLost)
        {
            context.ReportDiagnostic(Diagnostic.Create(Descriptors.ScopeOpen, call.Syntax.GetLocation(), call.Syntax));
        }
    }

    private static bool IsLost(IVariableDeclaratorOperation declarator) =>
        !Usage.IsUsing(declarator) && !Usage.Of(declarator).Any(static use => Usage.IsCallOf(use, "Dispose") || Usage.IsHandedOn(use, byReference: false));
}
