using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Rules;

/// <summary>A scope that a method opened with <c>using</c>, and the part of the method in which it is open.</summary>
/// <param name="scope">The local that holds it.</param>
/// <param name="region">The block or the statement with which it ends.</param>
internal sealed class OpenScope(ILocalSymbol scope, IOperation region)
{
    public ILocalSymbol Scope => scope;

    public IOperation Region => region;

    /// <summary>
    /// The scopes of the same function that are open around an operation, innermost first. They include scopes that were disposed before
    /// (see <see cref="IsDisposedBefore"/>).
    /// </summary>
    public static IEnumerable<OpenScope> Around(IOperation operation)
    {
        for (IOperation? at = operation; at is { Parent: { } parent } && at is not (IAnonymousFunctionOperation or ILocalFunctionOperation); at = parent)
        {
            if (parent is IUsingOperation statement && statement.Body == at)
            {
                foreach (ILocalSymbol local in statement.Locals.Where(static local => KnownTypes.IsScope(local.Type)))
                {
                    yield return new OpenScope(local, statement);
                }
            }
            else if (parent is IBlockOperation block)
            {
                foreach (ILocalSymbol local in DeclaredBefore(block, at))
                {
                    yield return new OpenScope(local, block);
                }
            }
        }
    }

    /// <summary>Whether a function was given a scope or a reference, so that a scope was open before its own.</summary>
    public static bool IsGiven(IOperation operation, ISymbol function) =>
        FunctionOf(operation, function) is { } method && method.Parameters.Any(static one => KnownTypes.IsScope(one.Type) || KnownTypes.IsReference(one.Type));

    /// <summary>Whether every path to an operation passes a <c>Dispose</c> of the scope: a statement before it, or before what contains it.</summary>
    public bool IsDisposedBefore(IOperation operation)
    {
        for (IOperation at = operation; at.Parent is { } parent && at != region; at = parent)
        {
            if (parent is IBlockOperation block && block.Operations.TakeWhile(one => one != at).Any(Disposes))
            {
                return true;
            }
        }

        return false;
    }

    private bool Disposes(IOperation statement) => statement switch
    {
        IBlockOperation block => block.Operations.Any(Disposes),
        IConditionalOperation { WhenFalse: { } otherwise } choice => Disposes(choice.WhenTrue) && Disposes(otherwise),
        ITryOperation attempt => (attempt.Finally != null && Disposes(attempt.Finally)) || (Disposes(attempt.Body) && attempt.Catches.All(one => Disposes(one.Handler) || Leaves(one.Handler))),
        ISwitchOperation choice => choice.Cases.Any(static one => one.Clauses.Any(static clause => clause.CaseKind == CaseKind.Default))
            && choice.Cases.All(one => one.Body.Any(Disposes) || one.Body.Any(Leaves)),
        ILockOperation inner => Disposes(inner.Body),
        IUsingOperation inner => Disposes(inner.Body),
        IExpressionStatementOperation { Operation: IInvocationOperation { TargetMethod.Name: "Dispose", Instance: ILocalReferenceOperation local } } =>
            SymbolEqualityComparer.Default.Equals(local.Local, scope),
        _ => false,
    };

    // Whether control does not continue after a statement.
    private static bool Leaves(IOperation statement) => statement switch
    {
        IBlockOperation block => block.Operations.LastOrDefault() is { } last && Leaves(last),
        IReturnOperation or IThrowOperation or IExpressionStatementOperation { Operation: IThrowOperation } => true,
        _ => false,
    };

    private static IMethodSymbol? FunctionOf(IOperation operation, ISymbol containing)
    {
        for (IOperation? at = operation; at != null; at = at.Parent)
        {
            switch (at)
            {
                case IAnonymousFunctionOperation lambda:
                    return lambda.Symbol;
                case ILocalFunctionOperation local:
                    return local.Symbol;
            }
        }

        return containing as IMethodSymbol;
    }

    private static IEnumerable<ILocalSymbol> DeclaredBefore(IBlockOperation block, IOperation statement) => block.Operations
        .TakeWhile(one => one != statement)
        .OfType<IUsingDeclarationOperation>()
        .SelectMany(static one => one.DeclarationGroup.GetDeclaredVariables())
        .Where(static local => KnownTypes.IsScope(local.Type))
        .Reverse();
}
