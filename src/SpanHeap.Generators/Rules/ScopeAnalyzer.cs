using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Rules;

/// <summary>Finds scopes that are copied, and scopes that are never ended.</summary>
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
            // A lambda that is only a call is there for what the call throws.
            IExpressionStatementOperation => call.Syntax.Parent is not LambdaExpressionSyntax,
            ISimpleAssignmentOperation { Target: IDiscardOperation } => true,
            IVariableInitializerOperation { Parent: IVariableDeclaratorOperation declarator } => IsLost(declarator) || IsLeftByException(declarator),

            // A method that is lent the scope does not end it, and nothing else can.
            IArgumentOperation argument => argument.Parameter is { RefKind: not RefKind.None },
            IInvocationOperation next => next.Instance == call && next.TargetMethod.Name != "Dispose",
            _ => false,
        };
        if (isLost)
        {
            context.ReportDiagnostic(Diagnostic.Create(Descriptors.ScopeOpen, call.Syntax.GetLocation(), call.Syntax));
        }
    }

    // The scope is ended by hand after a call that may throw, and not in a finally or catch.
    private static bool IsLeftByException(IVariableDeclaratorOperation declarator)
    {
        List<ILocalReferenceOperation> uses = [.. Usage.Of(declarator)];
        List<ILocalReferenceOperation> ends = [.. uses.Where(static use => Usage.IsCallOf(use, "Dispose"))];
        if (Usage.IsUsing(declarator) || ends.Count == 0 || ends.Any(Usage.IsWithinHandler) || uses.Any(static use => Usage.IsHandedOn(use, byReference: false))
            || declarator.Parent?.Parent?.Parent is not IBlockOperation block)
        {
            return false;
        }

        OpenScope scope = new(declarator.Symbol, block);
        int begin = declarator.Syntax.Span.End;
        int end = ends[ends.Count - 1].Syntax.SpanStart;
        return block.Descendants().Any(one => one.Syntax.SpanStart >= begin && one.Syntax.Span.End <= end && Usage.MayThrow(one)
            && Usage.IsInSameFunction(one, block) && !Usage.IsCaught(one, block) && !scope.IsDisposedBefore(one) && ends.Any(last => Usage.IsBehind(last, one)));
    }

    private static bool IsLost(IVariableDeclaratorOperation declarator) =>
        !Usage.IsUsing(declarator) && !Usage.Of(declarator).Any(static use => Usage.IsCallOf(use, "Dispose") || Usage.IsHandedOn(use, byReference: false));
}
