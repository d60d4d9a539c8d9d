using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Rules;

/// <summary>What a function does with a local.</summary>
internal static class Usage
{
    /// <summary>Whether a declaration is a <c>using</c>.</summary>
    public static bool IsUsing(IVariableDeclaratorOperation declarator)
    {
        IOperation? group = declarator.Parent?.Parent;
        return group?.Parent is IUsingDeclarationOperation || (group?.Parent is IUsingOperation statement && statement.Resources == group);
    }

    /// <summary>All places that name a local, in their order.</summary>
    public static IEnumerable<ILocalReferenceOperation> Of(IVariableDeclaratorOperation declarator) => Of(Root(declarator), declarator.Symbol);

    /// <inheritdoc cref="Of(IVariableDeclaratorOperation)"/>
    public static IEnumerable<ILocalReferenceOperation> Of(IOperation root, ILocalSymbol local) => root.Descendants()
        .OfType<ILocalReferenceOperation>()
        .Where(use => SymbolEqualityComparer.Default.Equals(use.Local, local))
        .OrderBy(static use => use.Syntax.SpanStart);

    public static IOperation Root(IOperation operation)
    {
        while (operation.Parent is { } parent)
        {
            operation = parent;
        }

        return operation;
    }

    /// <summary>Whether a method of the local is called.</summary>
    public static bool IsCallOf(ILocalReferenceOperation use, string method) =>
        use.Parent is IInvocationOperation call && call.Instance == use && call.TargetMethod.Name == method;

    /// <summary>Whether somebody else gets it: a caller, another variable, or a function that may be called at any time.</summary>
    /// <param name="use">The place.</param>
    /// <param name="byReference">Whether a method that is given a reference to it counts.</param>
    public static bool IsHandedOn(ILocalReferenceOperation use, bool byReference) => IsCaptured(use) || use.Parent switch
    {
        IArgumentOperation argument => byReference || argument.Parameter?.RefKind == RefKind.None,
        IInvocationOperation or IPropertyReferenceOperation or IExpressionStatementOperation => false,
        _ => true,
    };

    /// <summary>Whether it is given a new value, and not read.</summary>
    public static bool IsWrite(ILocalReferenceOperation use) => use.Parent switch
    {
        ISimpleAssignmentOperation assignment => assignment.Target == use,
        IArgumentOperation argument => argument.Parameter?.RefKind == RefKind.Out,
        _ => false,
    };

    // Whether it is another function's that names it.
    private static bool IsCaptured(ILocalReferenceOperation use)
    {
        for (IOperation? at = use; at != null; at = at.Parent)
        {
            ISymbol? function = (at as IAnonymousFunctionOperation)?.Symbol ?? (at as ILocalFunctionOperation)?.Symbol;
            if (function != null)
            {
                return !SymbolEqualityComparer.Default.Equals(function, use.Local.ContainingSymbol);
            }
        }

        return false;
    }
}
