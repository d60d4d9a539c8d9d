using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;
using SpanHeap.Generators.Rules;

namespace SpanHeap.Generators.Flow;

/// <summary>Collects what a flow has found: each fault once, at the place that comes first in the text.</summary>
internal sealed class Findings
{
    private readonly Dictionary<object, (IOperation Place, ISymbol Scope)> _used = new(FlowKey.Comparer);
    private readonly Dictionary<object, Diagnostic> _others = new(FlowKey.Comparer);
    private readonly Dictionary<ISymbol, IInvocationOperation> _entered = new(SymbolEqualityComparer.Default);
    private readonly HashSet<ISymbol> _left = new(SymbolEqualityComparer.Default);

    /// <summary>Scopes that end only on some paths through the function, and where they were entered.</summary>
    public IEnumerable<(ISymbol Scope, IInvocationOperation Enter)> Left => _left.Select(scope => (scope, _entered[scope]));

    public void Report(Action<Diagnostic> report)
    {
        foreach ((IOperation place, ISymbol scope) in _used.Values)
        {
            report(Diagnostic.Create(Descriptors.Escaping, place.Syntax.GetLocation(), TextOf(place), scope.Name));
        }

        foreach (Diagnostic other in _others.Values)
        {
            report(other);
        }
    }

    /// <summary>Notes that a reference is used after its scope has ended.</summary>
    public void Used(object key, IOperation place, ISymbol scope)
    {
        if (!_used.TryGetValue(key, out (IOperation Place, ISymbol Scope) known) || place.Syntax.SpanStart < known.Place.Syntax.SpanStart)
        {
            _used[key] = (place, scope);
        }
    }

    /// <summary>Notes that a value is returned.</summary>
    public void Returned(IOperation value, ImmutableHashSet<ISymbol> sources)
    {
        if (sources.OfType<ILocalSymbol>().OrderBy(static one => one.Locations[0].SourceSpan.Start).FirstOrDefault() is { } own)
        {
            Add(value, Descriptors.Escaping, TextOf(value), own.Name);
        }
        else if (Limited(sources, isReturn: true) is { } scope)
        {
            Add(value, Descriptors.ScopeLimited, scope.Name, "in TracedScope " + scope.Name);
        }
    }

    /// <summary>Notes that a value is stored in a parameter, or in the struct whose method this is.</summary>
    public void HandedOut(IOperation target, ImmutableHashSet<ISymbol> sources)
    {
        if (sources.OfType<ILocalSymbol>().FirstOrDefault() is { } own && target is IParameterReferenceOperation { Parameter.RefKind: RefKind.Out or RefKind.Ref })
        {
            Add(target, Descriptors.Escaping, TextOf(target), own.Name);
        }
        else if (target is IParameterReferenceOperation { Parameter: { RefKind: RefKind.None, ScopedKind: ScopedKind.None } parameter } && sources.OfType<ILocalSymbol>().FirstOrDefault() is { } open)
        {
            Add(target, Descriptors.LocalTooWide, parameter.Name, open.Name, "");
        }
        else if (target is IMemberReferenceOperation or IParameterReferenceOperation { Parameter.RefKind: RefKind.None } && Limited(sources, isReturn: false) is { } scope)
        {
            Add(target, Descriptors.ScopeLimited, scope.Name, "[UnscopedRef] in TracedScope " + scope.Name);
        }
    }

    /// <summary>Notes that a local that the compiler assumes to outlive the scope gets a reference of the scope.</summary>
    public void Narrowed(ILocalSymbol local, IOperation target, ImmutableHashSet<ISymbol> sources)
    {
        ISymbol? scope = sources.OfType<ILocalSymbol>().FirstOrDefault(one => one.Locations[0].SourceSpan.Start < local.Locations[0].SourceSpan.Start)
            ?? (ISymbol?)Limited(sources, isReturn: false);
        if (scope != null)
        {
            _others[local] = Diagnostic.Create(Descriptors.LocalTooWide, target.Syntax.GetLocation(), local.Name, scope.Name, KnownTypes.IsReference(local.Type)
                ? $", or begin with '{scope.Name}.Null<{((INamedTypeSymbol)local.Type).TypeArguments[0].Name}>()'"
                : "");
        }
    }

    public void Entered(ISymbol scope, IInvocationOperation enter) => _entered[scope] = enter;

    public void LeftOpen(IEnumerable<ISymbol> scopes) => _left.UnionWith(scopes);

    // A scope that the function is given in a way that lets no reference of it leave.
    private static IParameterSymbol? Limited(ImmutableHashSet<ISymbol> sources, bool isReturn) => sources.OfType<IParameterSymbol>().FirstOrDefault(one =>
        KnownTypes.IsScope(one.Type) && (one.ScopedKind != ScopedKind.None || one.RefKind == RefKind.None || !isReturn)
        && !one.GetAttributes().Any(static attribute => attribute.AttributeClass?.Name == "UnscopedRefAttribute"));

    private void Add(IOperation place, DiagnosticDescriptor rule, params object[] names) =>
        _others[place.Syntax] = Diagnostic.Create(rule, place.Syntax.GetLocation(), names);

    private static string TextOf(IOperation place)
    {
        const int Longest = 40;
        string text = place.Syntax.ToString();
        return text.Length <= Longest && !text.Contains('\n') ? text : "This";
    }
}
