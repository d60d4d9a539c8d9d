using System.Diagnostics.CodeAnalysis;

namespace SpanHeap.Examples.Lisp;

/// <summary>The evaluator within one slice: an expression is taken apart, or a value given to who waits for it, one at a step.</summary>
/// <remarks>Its methods put references into its fields, which outlive the call: so the scope is no <c>scoped</c> parameter, but one that the caller keeps.</remarks>
internal ref struct Machine(Symbols symbols, CallStack stack, GcRef<Cell> yes)
{
    private readonly GcRef<Cell> _yes = yes;

    /// <summary>What is evaluated next, unless a value is known.</summary>
    public GcRef<Cell> Expression;

    /// <summary>Where its variables are; nothing for global ones alone.</summary>
    public GcRef<Cell> Environment;

    public GcRef<Cell> Value;

    public bool KnowsValue;

    public readonly bool IsDone => KnowsValue && stack.Count == 0;

    public void Step([UnscopedRef] in GcScope scope)
    {
        if (KnowsValue)
            GiveValue(in scope, stack.Pop(in scope));
        else if (Expression.Is(CellKind.Pair))
            TakeApart(in scope);
        else
            Know(Expression.Is(CellKind.Symbol) ? Variables.Find(Expression, Environment, symbols) : Expression);
    }

    private void TakeApart([UnscopedRef] in GcScope scope)
    {
        GcRef<Cell> parts = Expression.Second;
        string head = Expression.First.Is(CellKind.Symbol) ? symbols.NameOf(Expression.First) : "";
        switch (head)
        {
            case "quote":
                Know(parts.Element(0, head));
                break;
            case "if":
                GcRef<Cell> condition = parts.Element(0, head);
                Wait(in scope, FrameKind.If, parts.Second);
                Evaluate(condition, Environment);
                break;
            case "lambda":
                Know(scope.Closure(parts.Element(0, head), parts.Second, Environment));
                break;
            case "begin":
                Know(default);
                Wait(in scope, FrameKind.Sequence, parts);
                break;
            case "define" when parts.Element(0, head).Is(CellKind.Pair):
                Wait(in scope, FrameKind.Define, parts.First.Element(0, head));
                Know(scope.Closure(parts.First.Second, parts.Second, Environment));
                break;
            case "define" or "set!":
                Wait(in scope, head == "define" ? FrameKind.Define : FrameKind.Assign, parts.Element(0, head));
                Evaluate(parts.Element(1, head), Environment);
                break;
            case "let":
                Let(in scope, parts);
                break;
            default:
                Wait(in scope, FrameKind.Call, parts);
                Evaluate(Expression.First, Environment);
                break;
        }
    }

    // (let ((a 1) (b 2)) body...) is ((lambda (a b) body...) 1 2).
    private void Let([UnscopedRef] in GcScope scope, GcRef<Cell> parts)
    {
        GcRef<Cell> names = default;
        GcRef<Cell> values = default;
        for (GcRef<Cell> each = parts.Element(0, "let"); !each.IsNull; each = each.Second)
        {
            names = scope.Cons(each.First.Element(0, "let"), names);
            values = scope.Cons(each.First.Element(1, "let"), values);
        }

        GcRef<Cell> lambda = scope.Cons(symbols.Intern(in scope, "lambda"), scope.Cons(names, parts.Second));
        Evaluate(scope.Cons(lambda, values), Environment);
    }

    private void GiveValue([UnscopedRef] in GcScope scope, Frame frame)
    {
        switch (frame.Kind)
        {
            case FrameKind.If:
                GcRef<Cell> then = frame.First.Element(0, "if");
                GcRef<Cell> otherwise = frame.First.Second;
                Evaluate(!Value.IsNull ? then : otherwise.IsNull ? default : otherwise.First, frame.Environment);
                break;
            case FrameKind.Sequence when frame.First.IsNull:
                break;
            case FrameKind.Sequence:
                // The last one is evaluated with nobody waiting for it: loops by calls need no stack.
                if (!frame.First.Second.IsNull)
                    stack.Push(in scope, new Frame(FrameKind.Sequence, frame.First.Second, frame.Environment, default));
                Evaluate(frame.First.First, frame.Environment);
                break;
            case FrameKind.Define:
                Variables.Define(in scope, frame.First, Value, frame.Environment);
                Know(frame.First);
                break;
            case FrameKind.Assign:
                Variables.Assign(frame.First, Value, frame.Environment, symbols);
                break;
            case FrameKind.Call:
                GiveToCall(in scope, frame);
                break;
        }
    }

    private void GiveToCall([UnscopedRef] in GcScope scope, Frame call)
    {
        GcRef<Cell> known = scope.Cons(Value, call.Third);
        if (!call.First.IsNull)
        {
            stack.Push(in scope, new Frame(FrameKind.Call, call.First.Second, call.Environment, known));
            Evaluate(call.First.First, call.Environment);
            return;
        }

        GcRef<Cell> parts = scope.Reversed(known);
        Apply(in scope, parts.First, parts.Second);
    }

    private void Apply([UnscopedRef] in GcScope scope, GcRef<Cell> function, GcRef<Cell> arguments)
    {
        if (function.Is(CellKind.Builtin))
        {
            Know(Builtins.Call(in scope, (Builtin)function.Number, arguments, _yes));
            return;
        }

        if (!function.Is(CellKind.Closure))
            throw new LispException($"{Writer.Write(function, symbols)} is called and is no function.");
        GcRef<Cell> environment = scope.Environment(function.Third);
        GcRef<Cell> parameter = function.First;
        for (; parameter.Is(CellKind.Pair) && !arguments.IsNull; parameter = parameter.Second, arguments = arguments.Second)
            Variables.Define(in scope, parameter.First, arguments.First, environment);
        if (!parameter.IsNull || !arguments.IsNull)
            throw new LispException("A function is called with too many or too few arguments.");
        stack.Push(in scope, new Frame(FrameKind.Sequence, function.Second, environment, default));
        Know(default);
    }

    private readonly void Wait(scoped in GcScope scope, FrameKind kind, GcRef<Cell> first) =>
        stack.Push(in scope, new Frame(kind, first, Environment, default));

    private void Evaluate(GcRef<Cell> expression, GcRef<Cell> environment)
    {
        Expression = expression;
        Environment = environment;
        KnowsValue = false;
    }

    private void Know(GcRef<Cell> value)
    {
        Value = value;
        KnowsValue = true;
    }
}
