using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Rules;

/// <summary>Finds what a function does with a local.</summary>
internal static class Usage
{
    // Methods that are called on input that may be invalid or missing.
    private static readonly HashSet<string> s_throwing = ["Parse", "ParseExact", "First", "Single", "Last", "Deserialize", "Invoke", "DynamicInvoke"];

    /// <summary>Whether a declaration is a <c>using</c>.</summary>
    public static bool IsUsing(IVariableDeclaratorOperation declarator)
    {
        IOperation? group = declarator.Parent?.Parent;
        return group?.Parent is IUsingDeclarationOperation || (group?.Parent is IUsingOperation statement && statement.Resources == group);
    }

    /// <summary>All places that name a local, in order.</summary>
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

    /// <summary>Whether the local is passed on: to a caller, another variable, or a function that may be called at any time.</summary>
    /// <param name="use">The place.</param>
    /// <param name="byReference">Whether passing it to a method by reference counts.</param>
    public static bool IsHandedOn(ILocalReferenceOperation use, bool byReference) => IsCaptured(use) || use.Parent switch
    {
        IArgumentOperation argument => byReference || argument.Parameter?.RefKind == RefKind.None,
        IInvocationOperation or IPropertyReferenceOperation or IExpressionStatementOperation => false,
        _ => true,
    };

    /// <summary>Whether the local is assigned and not read.</summary>
    public static bool IsWrite(ILocalReferenceOperation use) => use.Parent switch
    {
        ISimpleAssignmentOperation assignment => assignment.Target == use,
        IArgumentOperation argument => argument.Parameter?.RefKind == RefKind.Out,
        _ => false,
    };

    /// <summary>Whether an operation is in a <c>finally</c>, or where an exception is caught.</summary>
    public static bool IsWithinHandler(IOperation operation)
    {
        for (IOperation at = operation; at.Parent is { } parent; at = parent)
        {
            if (parent is ICatchClauseOperation || (parent is ITryOperation attempt && attempt.Finally == at))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether exceptions of an operation may be caught within a block.</summary>
    public static bool IsCaught(IOperation operation, IOperation block)
    {
        for (IOperation at = operation; at != block && at.Parent is { } parent; at = parent)
        {
            if (parent is ITryOperation { Catches.IsEmpty: false } attempt && attempt.Body == at)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Whether an operation calls a method of the platform whose name, or type name, says that it may throw: it parses, opens, reads, writes or
    /// finds.
    /// </summary>
    public static bool MayThrow(IOperation operation) => operation is IInvocationOperation { TargetMethod: var method }
        && method.DeclaringSyntaxReferences.IsEmpty && !KnownTypes.IsInLibrary(method.ContainingType)
        && (s_throwing.Contains(method.Name) || method.ContainingNamespace.ToDisplayString().StartsWith("System.IO", StringComparison.Ordinal));

    /// <summary>Whether an operation is not in a lambda or a local function within a block.</summary>
    public static bool IsInSameFunction(IOperation operation, IOperation block)
    {
        IOperation? at = operation;
        while (at != null && at != block && at is not (IAnonymousFunctionOperation or ILocalFunctionOperation))
        {
            at = at.Parent;
        }

        return at == block;
    }

    /// <summary>Whether control reaches one operation after another that is in the same block, or in a block within it.</summary>
    public static bool IsBehind(IOperation later, IOperation earlier)
    {
        for (IOperation at = later; at.Parent is { } parent; at = parent)
        {
            if (parent is IBlockOperation && parent.Syntax.Span.Contains(earlier.Syntax.Span))
            {
                return at.Syntax.SpanStart > earlier.Syntax.SpanStart;
            }
        }

        return false;
    }

    // Whether another function names it.
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
