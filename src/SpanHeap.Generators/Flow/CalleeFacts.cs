using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Flow;

/// <summary>Finds what methods of the same project do with their arguments. Nothing is known of other methods.</summary>
/// <remarks>Remembered for one compilation. Several threads may ask; the same question always gets the same answer.</remarks>
internal sealed class CalleeFacts(Compilation compilation)
{
    private readonly ConcurrentDictionary<ISymbol, bool> _yields = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<ISymbol, bool> _copies = new(SymbolEqualityComparer.Default);

    /// <summary>Whether a method, or one that it calls, may let a collection happen in the scope that it is given.</summary>
    public bool MayYield(IParameterSymbol parameter) => Ask(_yields, parameter, FindYield, []);

    /// <summary>Whether a method, or one that it calls, reads or writes the target of a <c>ref</c> parameter as a value.</summary>
    public bool CopiesValue(IParameterSymbol parameter) => Ask(_copies, parameter, FindCopy, []);

    // A method that calls itself adds nothing by that call.
    private bool Ask(
        ConcurrentDictionary<ISymbol, bool> known, IParameterSymbol parameter, Func<IOperation, IParameterSymbol, HashSet<ISymbol>, bool> find, HashSet<ISymbol> asked)
    {
        parameter = parameter.OriginalDefinition;
        if (known.TryGetValue(parameter, out bool answer))
        {
            return answer;
        }

        bool isFirst = asked.Count == 0;
        if (!asked.Add(parameter))
        {
            return false;
        }

        answer = parameter.ContainingSymbol is IMethodSymbol method && BodiesOf(method).Any(body => find(body, parameter, asked));

        // Within a cycle of calls, the answer may lack what is still being searched.
        if (isFirst || answer)
        {
            known[parameter] = answer;
        }

        return answer;
    }

    private bool FindYield(IOperation body, IParameterSymbol scope, HashSet<ISymbol> asked) => UsesOf(body, scope).Any(use => use.Parent switch
    {
        IInvocationOperation call when call.Instance == use => call.TargetMethod.Name == "Yield",
        IArgumentOperation { Parameter: { } next } => KnownTypes.IsScope(next.Type) && Ask(_yields, next, FindYield, asked),
        _ => false,
    });

    private bool FindCopy(IOperation body, IParameterSymbol place, HashSet<ISymbol> asked) =>
        UsesOf(body, place).Any(use => IsCopied(KnownTypes.IsReference(use.Type) ? ValueOf(use) : use, asked));

    // For a reference, the block counts.
    private static IOperation? ValueOf(IOperation use) =>
        use.Parent is IPropertyReferenceOperation { Property.Name: "Value" } value && KnownTypes.IsReference(value.Property.ContainingType) ? value : null;

    private bool IsCopied(IOperation? use, HashSet<ISymbol> asked) => use?.Parent switch
    {
        ISimpleAssignmentOperation assignment => !assignment.IsRef,
        IVariableInitializerOperation { Parent: IVariableDeclaratorOperation { Symbol.RefKind: RefKind.None } } => true,
        IArgumentOperation { Parameter: { } next } => next.RefKind == RefKind.None || (next.RefKind == RefKind.Ref && Ask(_copies, next, FindCopy, asked)),
        ITupleOperation => true,
        _ => false,
    };

    private static IEnumerable<IOperation> UsesOf(IOperation body, IParameterSymbol parameter) => body.DescendantsAndSelf()
        .OfType<IParameterReferenceOperation>()
        .Where(use => SymbolEqualityComparer.Default.Equals(use.Parameter.OriginalDefinition, parameter));

    [SuppressMessage("MicrosoftCodeAnalysisCorrectness", "RS1030:Do not invoke Compilation.GetSemanticModel() method within a diagnostic analyzer", Justification = "It is another method's, once for each.")]
    private IEnumerable<IOperation> BodiesOf(IMethodSymbol method) => method.DeclaringSyntaxReferences
        .Select(static reference => reference.GetSyntax())
        .Select(static syntax => syntax switch
        {
            BaseMethodDeclarationSyntax declaration => (SyntaxNode?)declaration.Body ?? declaration.ExpressionBody,
            LocalFunctionStatementSyntax local => (SyntaxNode?)local.Body ?? local.ExpressionBody,
            _ => null,
        })
        .Where(body => body != null && compilation.ContainsSyntaxTree(body.SyntaxTree))
        .Select(body => compilation.GetSemanticModel(body!.SyntaxTree).GetOperation(body!))
        .OfType<IOperation>();
}
