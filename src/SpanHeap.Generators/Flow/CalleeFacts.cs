using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Flow;

/// <summary>What methods of the same project do with what they are given. Of others nothing is known.</summary>
/// <remarks>Remembered for one compilation. Several threads may ask; all who ask the same get the same answer.</remarks>
internal sealed class CalleeFacts(Compilation compilation)
{
    private readonly ConcurrentDictionary<ISymbol, bool> _yields = new(SymbolEqualityComparer.Default);
    private readonly ConcurrentDictionary<ISymbol, bool> _copies = new(SymbolEqualityComparer.Default);

    /// <summary>Whether a method, or one that it calls, may let a collection pass in the scope that it is given.</summary>
    public bool MayYield(IParameterSymbol parameter) => Ask(_yields, parameter, FindYield, []);

    /// <summary>Whether a method, or one that it calls, reads or writes what a <c>ref</c> parameter refers to as a value.</summary>
    public bool CopiesValue(IParameterSymbol parameter) => Ask(_copies, parameter, FindCopy, []);

    // A method that calls itself has nothing to say of itself.
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

        // Within a circle the answer may lack what is still being looked for.
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

    // Of a reference it is the block that counts.
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
