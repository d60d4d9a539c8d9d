using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.FlowAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace SpanHeap.Generators.Flow;

/// <summary>
/// Follows where the references of one function come from, along each path through it, and finds those used after their scope has ended.
/// </summary>
/// <param name="function">The function.</param>
/// <param name="scopes">The number of scopes in it: its own, and those it is given.</param>
/// <param name="callees">Says what other methods do.</param>
/// <param name="findings">Receives what is wrong.</param>
/// <remarks>
/// A reference is a <c>TracedRef</c>, a span, a <c>ref</c> local or any other <c>ref struct</c>. Its origin follows the compiler's rules for how
/// far it may go: what a method returns may come from all arguments that are not <c>scoped</c>.
/// </remarks>
internal sealed class ReferenceFlow(IMethodSymbol? function, int scopes, CalleeFacts callees, Findings findings) : IFlowVisitor
{
    private readonly HashSet<ISymbol> _bornOfNone = new(SymbolEqualityComparer.Default);
    private readonly HashSet<ISymbol> _bornOfSome = new(SymbolEqualityComparer.Default);
    private FlowState _state = new();

    /// <summary>Follows the function.</summary>
    public void Run(ControlFlowGraph graph)
    {
        FlowState entry = new();
        foreach (IParameterSymbol parameter in function?.Parameters ?? [])
        {
            if (KnownTypes.IsReference(parameter.Type) || (parameter.RefKind != RefKind.None && TypeShape.HasReferences(parameter.Type)))
            {
                entry.Set(parameter, new Origin(Origin.Nowhere.Add(parameter), null));
            }
        }

        if (new FlowGraph(graph, this).Run(entry) is { } exit)
        {
            findings.LeftOpen(exit.Open);
        }
    }

    /// <inheritdoc/>
    public void Visit(IOperation operation, FlowState state)
    {
        _state = state;
        Eval(operation);
    }

    /// <inheritdoc/>
    public void VisitBranch(IOperation value, bool isReturned, FlowState state)
    {
        _state = state;
        ImmutableHashSet<ISymbol> sources = Eval(value);
        if (isReturned && function != null && (function.ReturnsByRef || function.ReturnsByRefReadonly || IsLimited(function.ReturnType)))
        {
            findings.Returned(value, sources);
        }
    }

    private ImmutableHashSet<ISymbol> Eval(IOperation? operation) => operation switch
    {
        null or INameOfOperation or IFlowAnonymousFunctionOperation => Origin.Nowhere,
        ILocalReferenceOperation { Local: { } local } when KnownTypes.IsScope(local.Type) => Origin.Nowhere.Add(local),
        IParameterReferenceOperation { Parameter: { } parameter } when KnownTypes.IsScope(parameter.Type) => Origin.Nowhere.Add(parameter),
        ILocalReferenceOperation use => Read(use.Local, use),
        IParameterReferenceOperation use => Read(use.Parameter, use),
        IFlowCaptureReferenceOperation use => Read(use.Id, use),
        IFlowCaptureOperation capture => Write(capture.Id, Eval(capture.Value)),
        IDeclarationExpressionOperation declaration => Eval(declaration.Expression),
        ISimpleAssignmentOperation assignment => Assign(assignment),
        IDeconstructionAssignmentOperation assignment => Deconstruct(assignment),
        IInvocationOperation call => Call(call),
        IMemberReferenceOperation { Instance: { } instance } member when IsOfUser(instance.Type) && KeyOf(instance) is { } key && IsLimited(member.Type) => Part(key, member),
        IPropertyReferenceOperation property => Property(property),
        IObjectCreationOperation made => Given(made.Arguments, IsLimited(made.Type)),
        IIsPatternOperation test => Test(test),
        _ => operation.ChildOperations.Aggregate(Origin.Nowhere, (all, one) => all.Union(Eval(one))),
    };

    private ImmutableHashSet<ISymbol> Read(object key, IOperation use)
    {
        if (!_state.TryGet(key, out Origin origin))
        {
            return Origin.Nowhere;
        }

        if (origin.Ended is { } scope && !IsOfUser(use.Type))
        {
            findings.Used(key, use, scope);
        }

        return origin.Sources;
    }

    // A reference in a struct of the user.
    private ImmutableHashSet<ISymbol> Part(object key, IMemberReferenceOperation member)
    {
        if (!_state.TryGet(key, out Origin origin))
        {
            return Origin.Nowhere;
        }

        if (origin.Ended is { } scope)
        {
            findings.Used(key, member, scope);
        }

        return origin.Sources;
    }

    private ImmutableHashSet<ISymbol> Write(object key, ImmutableHashSet<ISymbol> sources)
    {
        _state.Set(key, new Origin(sources, null));
        return sources;
    }

    private ImmutableHashSet<ISymbol> Assign(ISimpleAssignmentOperation assignment)
    {
        ImmutableHashSet<ISymbol> sources = Eval(assignment.Value);
        switch (assignment.Target)
        {
            case ILocalReferenceOperation { Local: var local } target when local.RefKind == RefKind.None || assignment.IsRef || target.IsDeclaration:
                Give(local, sources, target, assignment.Value);
                break;
            case IParameterReferenceOperation { Parameter: var parameter } when IsLimited(parameter.Type):
                Write(parameter, sources);
                findings.HandedOut(assignment.Target, sources);
                break;
            case IMemberReferenceOperation { Instance: { } instance } member when IsOfUser(instance.Type) && KeyOf(instance) is { } key:
                // Only a part of a user's struct is new; the rest is assumed to be valid.
                Write(key, (_state.TryGet(key, out Origin known) ? known.Sources : Origin.Nowhere).Union(IsLimited(member.Type) ? sources : Origin.Nowhere));
                break;
            case IMemberReferenceOperation { Instance: IInstanceReferenceOperation } member when IsLimited(member.Type):
                findings.HandedOut(assignment.Target, sources);
                break;
            default:
                Eval(assignment.Target);
                break;
        }

        return sources;
    }

    // Gives a local a value that is limited to scopes.
    private void Give(ILocalSymbol local, ImmutableHashSet<ISymbol> sources, ILocalReferenceOperation target, IOperation? value)
    {
        if (KnownTypes.IsScope(local.Type))
        {
            if (value is IInvocationOperation { TargetMethod: { Name: "Enter" } method } enter && KnownTypes.IsHeap(method.ContainingType))
            {
                _state.Enter(local);
                findings.Entered(local, enter);
            }

            return;
        }

        if (local.RefKind == RefKind.None && !IsLimited(local.Type))
        {
            return;
        }

        if (target.IsDeclaration)
        {
            (sources.IsEmpty ? _bornOfNone : _bornOfSome).Add(local);
        }
        else if (local.RefKind == RefKind.None && local.ScopedKind == ScopedKind.None && !_bornOfSome.Contains(local))
        {
            findings.Narrowed(local, target, sources);
        }

        Write(local, sources);
    }

    private ImmutableHashSet<ISymbol> Deconstruct(IDeconstructionAssignmentOperation assignment)
    {
        ImmutableHashSet<ISymbol> sources = Eval(assignment.Value);
        foreach (IOperation target in assignment.Target is ITupleOperation tuple ? tuple.Elements : [assignment.Target])
        {
            if ((target is IDeclarationExpressionOperation declaration ? declaration.Expression : target) is ILocalReferenceOperation local)
            {
                Write(local.Local, IsLimited(local.Type) ? sources : Origin.Nowhere);
            }
            else
            {
                Eval(target);
            }
        }

        return Origin.Nowhere;
    }

    private ImmutableHashSet<ISymbol> Test(IIsPatternOperation test)
    {
        ImmutableHashSet<ISymbol> sources = Eval(test.Value);
        foreach (IDeclarationPatternOperation pattern in test.Pattern.DescendantsAndSelf().OfType<IDeclarationPatternOperation>())
        {
            if (pattern.DeclaredSymbol is ILocalSymbol local && IsLimited(local.Type))
            {
                Write(local, sources);
            }
        }

        return Origin.Nowhere;
    }

    private ImmutableHashSet<ISymbol> Property(IPropertyReferenceOperation property)
    {
        ImmutableHashSet<ISymbol> sources = Instance(property.Instance).Union(Given(property.Arguments, true));
        return property.Property.RefKind != RefKind.None || IsLimited(property.Type) ? sources : Origin.Nowhere;
    }

    private ImmutableHashSet<ISymbol> Call(IInvocationOperation call)
    {
        IMethodSymbol method = call.TargetMethod;
        if (KnownTypes.IsScope(method.ContainingType) && method.Name is "Yield" or "Dispose")
        {
            if (call.Instance is { } instance && KeyOf(instance) is ISymbol scope)
            {
                End(scope, method.Name == "Yield", call.IsImplicit);
            }

            return Origin.Nowhere;
        }

        ImmutableHashSet<ISymbol> sources = Instance(call.Instance).Union(Given(call.Arguments, true));
        foreach (IArgumentOperation argument in call.Arguments)
        {
            if (argument.Parameter is { } parameter && KnownTypes.IsScope(parameter.Type) && KeyOf(argument.Value) is ISymbol scope && callees.MayYield(parameter))
            {
                End(scope, isYield: true, isImplicit: false);
            }
        }

        foreach (IArgumentOperation argument in call.Arguments)
        {
            Take(argument, sources);
        }

        // It may have got new references and dropped old ones.
        if (call.Instance is { } self && IsOfUser(self.Type) && KeyOf(self) is { } user && _state.TryGet(user, out Origin known))
        {
            Write(user, known.Sources.Union(sources));
        }

        return method.ReturnsByRef || method.ReturnsByRefReadonly || IsLimited(method.ReturnType) ? sources : Origin.Nowhere;
    }

    // Applies what a method writes to a reference that it is given.
    private void Take(IArgumentOperation argument, ImmutableHashSet<ISymbol> sources)
    {
        IOperation value = argument.Value is IDeclarationExpressionOperation declaration ? declaration.Expression : argument.Value;
        if (!IsWritten(argument) || !IsLimited(value.Type))
        {
            return;
        }

        if (value is ILocalReferenceOperation local && argument.Parameter!.RefKind == RefKind.Out && argument.Value is not IDeclarationExpressionOperation)
        {
            Give(local.Local, sources, local, null);
        }
        else if (KeyOf(value) is { } key)
        {
            Write(key, argument.Parameter!.RefKind == RefKind.Out || !_state.TryGet(key, out Origin known) ? sources : known.Sources.Union(sources));
            _bornOfSome.UnionWith(key is ISymbol born && argument.Value is IDeclarationExpressionOperation ? [born] : []);
        }
    }

    // The sources of all arguments that a method may keep or return.
    private ImmutableHashSet<ISymbol> Given(IEnumerable<IArgumentOperation> arguments, bool isKept)
    {
        ImmutableHashSet<ISymbol> all = Origin.Nowhere;
        foreach (IArgumentOperation argument in arguments)
        {
            if (IsWritten(argument) && IsLimited(argument.Value.Type))
            {
                continue;
            }

            ImmutableHashSet<ISymbol> sources = Eval(argument.Value);
            if (isKept && argument.Parameter is { ScopedKind: ScopedKind.None } parameter && (parameter.RefKind != RefKind.None || IsLimited(parameter.Type)))
            {
                all = all.Union(sources);
            }
        }

        return all;
    }

    private ImmutableHashSet<ISymbol> Instance(IOperation? instance) => Eval(instance);

    private void End(ISymbol scope, bool isYield, bool isImplicit)
    {
        if (isYield)
        {
            _state.End(scope, origin => origin.Sources.Contains(scope) || (scopes == 1 && origin.Sources.OfType<IParameterSymbol>().Any()));
            return;
        }

        _state.Leave(scope);

        // If another scope may be open, references may belong to it and stay valid; and the compiler handles those of a using.
        if (!isImplicit && _state.Open.Count == 0 && function?.Parameters.Any(static one => KnownTypes.IsScope(one.Type) || KnownTypes.IsReference(one.Type)) != true)
        {
            _state.End(scope, origin => origin.Sources.Contains(scope));
        }
    }

    private static bool IsWritten(IArgumentOperation argument) => argument.Parameter?.RefKind is RefKind.Out or RefKind.Ref;

    private static object? KeyOf(IOperation operation) => operation switch
    {
        ILocalReferenceOperation local => local.Local,
        IParameterReferenceOperation parameter => parameter.Parameter,
        IFlowCaptureReferenceOperation capture => capture.Id,
        _ => null,
    };

    // Values that the compiler does not let outlive what they were made from.
    private static bool IsLimited(ITypeSymbol? type) => type is { IsRefLikeType: true } && !KnownTypes.IsScope(type);

    // Structs that may contain more than one reference.
    private static bool IsOfUser(ITypeSymbol? type) =>
        IsLimited(type) && !KnownTypes.IsReference(type) && !KnownTypes.IsInLibrary(type!) && type!.ContainingNamespace?.ToDisplayString() != "System";
}
