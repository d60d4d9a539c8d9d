using SpanHeap.Traced;

namespace SpanHeap.Examples.Lisp;

internal enum Builtin
{
    Add,
    Subtract,
    Multiply,
    Quotient,
    Remainder,
    Less,
    Equal,
    Cons,
    Car,
    Cdr,
    SetCar,
    SetCdr,
    IsNull,
    IsPair,
    IsSame,
    List,
}

/// <summary>The functions that are not written in Lisp.</summary>
internal static class Builtins
{
    private static readonly string[] s_names =
        ["+", "-", "*", "quotient", "remainder", "<", "=", "cons", "car", "cdr", "set-car!", "set-cdr!", "null?", "pair?", "eq?", "list"];

    public static void Define(scoped in TracedScope scope, Symbols symbols)
    {
        for (int i = 0; i < s_names.Length; i++)
        {
            TracedRef<Cell> function = scope.New<Cell>();
            function.Kind = CellKind.Builtin;
            function.Number = i;
            Variables.Define(in scope, symbols.Intern(in scope, s_names[i]), function, default);
        }
    }

    public static TracedRef<Cell> Call(in TracedScope scope, Builtin function, TracedRef<Cell> arguments, TracedRef<Cell> yes)
    {
        string name = s_names[(int)function];
        return function switch
        {
            Builtin.Add => Fold(in scope, arguments, 0, static (sum, next) => sum + next),
            Builtin.Multiply => Fold(in scope, arguments, 1, static (product, next) => product * next),
            Builtin.Subtract when arguments.Element(0, name).IsNull || arguments.Second.IsNull => scope.Number(unchecked(-NumberAt(arguments, 0, name))),
            Builtin.Subtract => Fold(in scope, arguments.Second, NumberAt(arguments, 0, name), static (rest, next) => rest - next),
            Builtin.Quotient => scope.Number(NumberAt(arguments, 0, name) / Divisor(arguments, name)),
            Builtin.Remainder => scope.Number(NumberAt(arguments, 0, name) % Divisor(arguments, name)),
            Builtin.Less => NumberAt(arguments, 0, name) < NumberAt(arguments, 1, name) ? yes : default,
            Builtin.Equal => NumberAt(arguments, 0, name) == NumberAt(arguments, 1, name) ? yes : default,
            Builtin.Cons => scope.Cons(arguments.Element(0, name), arguments.Element(1, name)),
            Builtin.Car => PairAt(arguments, name).First,
            Builtin.Cdr => PairAt(arguments, name).Second,
            Builtin.SetCar or Builtin.SetCdr => SetPart(PairAt(arguments, name), function, arguments.Element(1, name)),
            Builtin.IsNull => arguments.Element(0, name).IsNull ? yes : default,
            Builtin.IsPair => arguments.Element(0, name).Is(CellKind.Pair) ? yes : default,
            Builtin.IsSame => arguments.Element(0, name).Is(arguments.Element(1, name)) ? yes : default,
            _ => arguments,
        };
    }

    private static TracedRef<Cell> SetPart(TracedRef<Cell> pair, Builtin function, TracedRef<Cell> value)
    {
        if (function == Builtin.SetCar)
        {
            pair.First = value;
        }
        else
        {
            pair.Second = value;
        }

        return value;
    }

    private static TracedRef<Cell> Fold(in TracedScope scope, TracedRef<Cell> numbers, long start, Func<long, long, long> step)
    {
        for (; !numbers.IsNull; numbers = numbers.Second)
        {
            start = step(start, NumberAt(numbers, 0, "arithmetic"));
        }

        return scope.Number(start);
    }

    private static long NumberAt(TracedRef<Cell> arguments, int index, string name)
    {
        TracedRef<Cell> argument = arguments.Element(index, name);
        return argument.Is(CellKind.Number) ? argument.Number : throw new LispException($"{name} wants numbers.");
    }

    private static long Divisor(TracedRef<Cell> arguments, string name) =>
        NumberAt(arguments, 1, name) is not (0 or -1) and long divisor ? divisor : throw new LispException($"{name} by 0 or -1.");

    private static TracedRef<Cell> PairAt(TracedRef<Cell> arguments, string name)
    {
        TracedRef<Cell> pair = arguments.Element(0, name);
        return pair.Is(CellKind.Pair) ? pair : throw new LispException($"{name} wants a pair.");
    }
}
