using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;
using SpanHeap.Generators.Flow;

namespace SpanHeap.Generators.Rules;

/// <summary>Finds references that are used after their scope has ended or yielded, or that leave it, and scopes that some paths leave open.</summary>
/// <remarks>
/// Each function is followed along all its paths, including loops and <c>finally</c> blocks. Of a method of the same project that it calls, it is
/// known whether that may yield the scope. The compiler also refuses what leaves a scope; this says what to do.
/// </remarks>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class LifetimeAnalyzer() : Rule(Descriptors.Escaping, Descriptors.LocalTooWide, Descriptors.ScopeLimited, Descriptors.ScopeOpen)
{
    private protected override void Register(AnalysisContext context) => context.RegisterCompilationStartAction(static start =>
    {
        CalleeFacts callees = new(start.Compilation);
        start.RegisterOperationBlockAction(found => Check(found, callees));
    });

    private static void Check(OperationBlockAnalysisContext context, CalleeFacts callees)
    {
        foreach (IOperation block in context.OperationBlocks.Where(static one => one is IBlockOperation or IConstructorBodyOperation or IMethodBodyOperation))
        {
            if (CountScopes(block, context.OwningSymbol) is > 0 and var scopes)
            {
                Follow(context, context.GetControlFlowGraph(block), context.OwningSymbol as IMethodSymbol, scopes, callees);
            }
        }
    }

    private static void Follow(OperationBlockAnalysisContext context, ControlFlowGraph graph, IMethodSymbol? function, int scopes, CalleeFacts callees)
    {
        Findings findings = new();
        new ReferenceFlow(function, scopes, callees, findings).Run(graph);
        findings.Report(context.ReportDiagnostic);
        foreach ((ISymbol scope, IInvocationOperation enter) in findings.Left)
        {
            if (IsLeftForCertain(graph.OriginalOperation, (ILocalSymbol)scope))
            {
                context.ReportDiagnostic(Diagnostic.Create(Descriptors.ScopeOpen, enter.Syntax.GetLocation(), enter.Syntax));
            }
        }

        foreach (IMethodSymbol local in graph.LocalFunctions)
        {
            Follow(context, graph.GetLocalFunctionControlFlowGraph(local, context.CancellationToken), local, scopes, callees);
        }

        foreach (IFlowAnonymousFunctionOperation lambda in graph.Blocks
            .SelectMany(static block => block.Operations.Concat(block.BranchValue is { } value ? [value] : []))
            .SelectMany(static one => one.DescendantsAndSelf())
            .OfType<IFlowAnonymousFunctionOperation>())
        {
            Follow(context, graph.GetAnonymousFunctionControlFlowGraph(lambda, context.CancellationToken), lambda.Symbol, scopes, callees);
        }
    }

    // A flag of the method may say on which paths the scope has ended. Scopes that never end are another rule's.
    private static bool IsLeftForCertain(IOperation function, ILocalSymbol scope)
    {
        List<ILocalReferenceOperation> uses = [.. Usage.Of(Usage.Root(function), scope)];
        List<ILocalReferenceOperation> ends = [.. uses.Where(static use => Usage.IsCallOf(use, "Dispose"))];
        return ends.Count != 0 && !uses.Any(static use => Usage.IsHandedOn(use, byReference: false)) && !ends.Any(IsUnderFlag);
    }

    private static bool IsUnderFlag(IOperation end)
    {
        for (IOperation? at = end; at != null; at = at.Parent)
        {
            if (at is IConditionalOperation conditional && conditional.Condition.DescendantsAndSelf().Any(static one => one is ILocalReferenceOperation { Type.SpecialType: SpecialType.System_Boolean }))
            {
                return true;
            }
        }

        return false;
    }

    private static int CountScopes(IOperation block, ISymbol owner)
    {
        HashSet<ISymbol> scopes = new(SymbolEqualityComparer.Default);
        foreach (IOperation operation in block.DescendantsAndSelf())
        {
            ISymbol? symbol = operation switch
            {
                ILocalReferenceOperation local => local.Local,
                IParameterReferenceOperation parameter => parameter.Parameter,
                IVariableDeclaratorOperation declarator => declarator.Symbol,
                _ => null,
            };
            if (symbol != null && KnownTypes.IsScope((symbol as ILocalSymbol)?.Type ?? (symbol as IParameterSymbol)?.Type))
            {
                scopes.Add(symbol);
            }
        }

        foreach (IParameterSymbol parameter in (owner as IMethodSymbol)?.Parameters ?? [])
        {
            scopes.UnionWith(KnownTypes.IsScope(parameter.Type) ? [parameter] : []);
        }

        return scopes.Count;
    }
}
