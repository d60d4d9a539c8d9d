namespace SpanHeap.Examples.Lisp;

/// <summary>Variables: of the calls around, from the inside out, else the symbol's own.</summary>
internal static class Variables
{
    public static GcRef<Cell> Find(GcRef<Cell> symbol, GcRef<Cell> environment, Symbols symbols)
    {
        GcRef<Cell> binding = FindBinding(symbol, environment);
        if (!binding.IsNull)
            return binding.Second;
        return symbol.IsBound ? symbol.First : throw Unbound(symbol, symbols);
    }

    public static void Define(scoped in GcScope scope, GcRef<Cell> symbol, GcRef<Cell> value, GcRef<Cell> environment)
    {
        if (!symbol.Is(CellKind.Symbol))
            throw new LispException("Only a symbol can be given a value.");
        if (environment.IsNull)
        {
            symbol.First = value;
            symbol.IsBound = true;
            return;
        }

        environment.First = scope.Cons(scope.Cons(symbol, value), environment.First);
    }

    public static void Assign(GcRef<Cell> symbol, GcRef<Cell> value, GcRef<Cell> environment, Symbols symbols)
    {
        GcRef<Cell> binding = FindBinding(symbol, environment);
        if (!binding.IsNull)
            binding.Second = value;
        else if (symbol.Is(CellKind.Symbol) && symbol.IsBound)
            symbol.First = value;
        else
            throw Unbound(symbol, symbols);
    }

    private static GcRef<Cell> FindBinding(GcRef<Cell> symbol, GcRef<Cell> environment)
    {
        for (; !environment.IsNull; environment = environment.Second)
        {
            for (GcRef<Cell> each = environment.First; !each.IsNull; each = each.Second)
            {
                if (each.First.First.Is(symbol))
                    return each.First;
            }
        }

        return default;
    }

    private static LispException Unbound(GcRef<Cell> symbol, Symbols symbols) => new($"{Writer.Write(symbol, symbols)} has no value.");
}
