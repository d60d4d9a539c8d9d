using Microsoft.CodeAnalysis;

namespace SpanHeap.Generators.Flow;

/// <summary>Compares the keys of a flow: locals and parameters as symbols, temporaries of the compiler by their number.</summary>
internal sealed class FlowKey : IEqualityComparer<object>
{
    public static readonly FlowKey Comparer = new();

    public new bool Equals(object one, object other) =>
        one is ISymbol symbol ? SymbolEqualityComparer.Default.Equals(symbol, other as ISymbol) : one.Equals(other);

    public int GetHashCode(object key) => key is ISymbol symbol ? SymbolEqualityComparer.Default.GetHashCode(symbol) : key.GetHashCode();
}
