using System.Collections.Immutable;
using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators.Flow;

/// <summary>Where the value of a local may come from, and whether it may be used.</summary>
/// <param name="sources">The scopes and parameters that it may have been made from.</param>
/// <param name="ended">A scope that has ended or yielded since; null while there is none.</param>
internal readonly struct Origin(ImmutableHashSet<ISymbol> sources, ISymbol? ended)
{
    /// <summary>The sources of a value that no scope limits.</summary>
    public static readonly ImmutableHashSet<ISymbol> Nowhere = ImmutableHashSet.Create<ISymbol>(SymbolEqualityComparer.Default);

    public ImmutableHashSet<ISymbol> Sources => sources;

    public ISymbol? Ended => ended;

    /// <summary>Combines two origins of which either may apply.</summary>
    public Origin Join(Origin other) => new(sources.Union(other.Sources), ended ?? other.Ended);

    public bool Equals(Origin other) => (ended == null) == (other.Ended == null) && sources.SetEquals(other.Sources);
}
