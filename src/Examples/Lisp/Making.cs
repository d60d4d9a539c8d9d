namespace SpanHeap.Examples.Lisp;

/// <summary>Making cells, and looking at lists of them.</summary>
internal static class Making
{
    public static GcRef<Cell> Cons(this in GcScope scope, GcRef<Cell> first, GcRef<Cell> second)
    {
        GcRef<Cell> pair = scope.New<Cell>();
        pair.Kind = CellKind.Pair;
        pair.First = first;
        pair.Second = second;
        return pair;
    }

    public static GcRef<Cell> Number(this in GcScope scope, long number)
    {
        GcRef<Cell> cell = scope.New<Cell>();
        cell.Number = number;
        return cell;
    }

    public static GcRef<Cell> Closure(this in GcScope scope, GcRef<Cell> parameters, GcRef<Cell> body, GcRef<Cell> environment)
    {
        GcRef<Cell> closure = scope.New<Cell>();
        closure.Kind = CellKind.Closure;
        closure.First = parameters;
        closure.Second = body;
        closure.Third = environment;
        return closure;
    }

    public static GcRef<Cell> Environment(this in GcScope scope, GcRef<Cell> outer)
    {
        GcRef<Cell> environment = scope.New<Cell>();
        environment.Kind = CellKind.Environment;
        environment.Second = outer;
        return environment;
    }

    public static GcRef<Cell> Reversed(this in GcScope scope, GcRef<Cell> list)
    {
        GcRef<Cell> reversed = scope.Null<Cell>();
        for (; !list.IsNull; list = list.Second)
            reversed = scope.Cons(list.First, reversed);
        return reversed;
    }

    public static bool Is(this GcRef<Cell> cell, CellKind kind) => !cell.IsNull && cell.Kind == kind;

    /// <summary>The element of a list, which must have it.</summary>
    public static GcRef<Cell> Element(this GcRef<Cell> list, int index, string of)
    {
        for (; index > 0 && list.Is(CellKind.Pair); index--)
            list = list.Second;
        return list.Is(CellKind.Pair) ? list.First : throw new LispException($"{of} has too few parts.");
    }
}
