using SpanHeap.Traced;

namespace SpanHeap.Examples.Lisp;

/// <summary>Looks up variables: in the enclosing calls from the inside out, then the global value of the symbol.</summary>
internal static class Variables
{
    public static TracedRef<Cell> Find(TracedRef<Cell> symbol, TracedRef<Cell> environment, Symbols symbols)
    {
        TracedRef<Cell> binding = FindBinding(symbol, environment);
        if (!binding.IsNull)
        {
            return binding.Second;
        }

        return symbol.IsBound ? symbol.First : throw Unbound(symbol, symbols);
    }

    public static void Define(scoped in TracedScope scope, TracedRef<Cell> symbol, TracedRef<Cell> value, TracedRef<Cell> environment)
    {
        if (!symbol.Is(CellKind.Symbol))
        {
            throw new LispException("Only a symbol can be given a value.");
        }

        if (environment.IsNull)
        {
            symbol.First = value;
            symbol.IsBound = true;
            return;
        }

        environment.First = scope.Cons(scope.Cons(symbol, value), environment.First);
    }

    public static void Assign(TracedRef<Cell> symbol, TracedRef<Cell> value, TracedRef<Cell> environment, Symbols symbols)
    {
        TracedRef<Cell> binding = FindBinding(symbol, environment);
        if (!binding.IsNull)
        {
            binding.Second = value;
        }
        else if (symbol.Is(CellKind.Symbol) && symbol.IsBound)
        {
            symbol.First = value;
        }
        else
        {
            throw Unbound(symbol, symbols);
        }
    }

    private static TracedRef<Cell> FindBinding(TracedRef<Cell> symbol, TracedRef<Cell> environment)
    {
        for (; !environment.IsNull; environment = environment.Second)
        {
            for (TracedRef<Cell> each = environment.First; !each.IsNull; each = each.Second)
            {
                if (each.First.First.Is(symbol))
                {
                    return each.First;
                }
            }
        }

        return default;
    }

    private static LispException Unbound(TracedRef<Cell> symbol, Symbols symbols) => new($"{Writer.Write(symbol, symbols)} has no value.");
}
