using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Rules;

/// <summary>References that are used after their scope was ended, or yielded, a few lines before.</summary>
/// <remarks>
/// Only along a straight line: from a call that stands for itself to the end of its block, and on behind an <c>if</c> whose last statement
/// it is. A local counts that was there before, and is read before it is given anything else.
/// </remarks>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class EndedScopeAnalyzer() : Rule(Descriptors.Escaping)
{
    private protected override void Register(AnalysisContext context) =>
        context.RegisterOperationAction(Check, OperationKind.Invocation);

    private static void Check(OperationAnalysisContext context)
    {
        var call = (IInvocationOperation)context.Operation;
        if (call.TargetMethod.Name is not ("Dispose" or "Yield") || call.Instance is not ILocalReferenceOperation { Local: { } scope }
            || !KnownTypes.IsScope(scope.Type) || call.Parent is not IExpressionStatementOperation statement)
        {
            return;
        }

        if (MayBeOfAnother(context, call, scope))
        {
            return;
        }

        HashSet<ISymbol> seen = new(SymbolEqualityComparer.Default);
        foreach (ILocalReferenceOperation use in After(statement).SelectMany(static one => one.DescendantsAndSelf()).OfType<ILocalReferenceOperation>())
        {
            bool isOld = KnownTypes.IsReference(use.Local.Type) && PlaceOf(use.Local) < call.Syntax.SpanStart
                && (PlaceOf(use.Local) > PlaceOf(scope) || call.TargetMethod.Name == "Yield");
            if (isOld && !IsMadeOfItself(use) && seen.Add(use.Local) && !Usage.IsWrite(use))
            {
                context.ReportDiagnostic(Diagnostic.Create(Descriptors.Escaping, use.Syntax.GetLocation(), scope.Name));
            }
        }
    }

    // Where another scope may be open, around it or of another heap, references may be that one's, and stay good.
    private static bool MayBeOfAnother(OperationAnalysisContext context, IInvocationOperation call, ILocalSymbol scope)
    {
        bool IsOther(ILocalSymbol local) => KnownTypes.IsScope(local.Type) && !SymbolEqualityComparer.Default.Equals(local, scope);

        return OpenScope.IsGiven(call, context.ContainingSymbol)
            || OpenScope.Around(call).Any(open => IsOther(open.Scope))
            || Usage.Root(call).Descendants().OfType<IVariableDeclaratorOperation>().Any(one =>
                IsOther(one.Symbol) && !Usage.IsUsing(one) && PlaceOf(one.Symbol) < call.Syntax.SpanStart);
    }

    private static int PlaceOf(ILocalSymbol local) => local.Locations[0].SourceSpan.Start;

    // What a local is given is read before it is written.
    private static bool IsMadeOfItself(ILocalReferenceOperation use) =>
        use.Parent is ISimpleAssignmentOperation assignment && assignment.Target == use && Usage.Of(assignment.Value, use.Local).Any();

    private static IEnumerable<IOperation> After(IOperation statement)
    {
        IOperation at = statement;
        while (at.Parent is { } parent)
        {
            if (parent is IBlockOperation block)
            {
                bool isLast = true;
                foreach (IOperation next in block.Operations.SkipWhile(one => one != at).Skip(1))
                {
                    isLast = false;
                    yield return next;
                }

                if (!isLast)
                {
                    yield break;
                }
            }
            else if (parent is not IConditionalOperation)
            {
                yield break;
            }

            at = parent;
        }
    }
}
