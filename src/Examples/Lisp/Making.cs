using SpanHeap.Traced;

namespace SpanHeap.Examples.Lisp;

/// <summary>Makes cells, and reads lists of them.</summary>
internal static class Making
{
    public static TracedRef<Cell> Cons(this in TracedScope scope, TracedRef<Cell> first, TracedRef<Cell> second)
    {
        TracedRef<Cell> pair = scope.New<Cell>();
        pair.Kind = CellKind.Pair;
        pair.First = first;
        pair.Second = second;
        return pair;
    }

    public static TracedRef<Cell> Number(this in TracedScope scope, long number)
    {
        TracedRef<Cell> cell = scope.New<Cell>();
        cell.Number = number;
        return cell;
    }

    public static TracedRef<Cell> Closure(this in TracedScope scope, TracedRef<Cell> parameters, TracedRef<Cell> body, TracedRef<Cell> environment)
    {
        TracedRef<Cell> closure = scope.New<Cell>();
        closure.Kind = CellKind.Closure;
        closure.First = parameters;
        closure.Second = body;
        closure.Third = environment;
        return closure;
    }

    public static TracedRef<Cell> Environment(this in TracedScope scope, TracedRef<Cell> outer)
    {
        TracedRef<Cell> environment = scope.New<Cell>();
        environment.Kind = CellKind.Environment;
        environment.Second = outer;
        return environment;
    }

    public static TracedRef<Cell> Reversed(this in TracedScope scope, TracedRef<Cell> list)
    {
        TracedRef<Cell> reversed = scope.Null<Cell>();
        for (; !list.IsNull; list = list.Second)
        {
            reversed = scope.Cons(list.First, reversed);
        }

        return reversed;
    }

    public static bool Is(this TracedRef<Cell> cell, CellKind kind) => !cell.IsNull && cell.Kind == kind;

    /// <summary>Gets an element of a list, which must be long enough.</summary>
    public static TracedRef<Cell> Element(this TracedRef<Cell> list, int index, string of)
    {
        for (; index > 0 && list.Is(CellKind.Pair); index--)
        {
            list = list.Second;
        }

        return list.Is(CellKind.Pair) ? list.First : throw new LispException($"{of} has too few parts.");
    }
}
