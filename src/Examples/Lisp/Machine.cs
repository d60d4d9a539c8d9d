using System.Diagnostics.CodeAnalysis;
using SpanHeap.Traced;

namespace SpanHeap.Examples.Lisp;

/// <summary>The evaluator within one slice. Each step takes an expression apart, or gives a value to the frame that waits for it.</summary>
/// <remarks>
/// Its methods store references in its fields, which outlive the call. So the scope is not a <c>scoped</c> parameter; the caller keeps it.
/// </remarks>
internal ref struct Machine(Symbols symbols, CallStack stack, TracedRef<Cell> yes)
{
    private readonly TracedRef<Cell> _yes = yes;

    /// <summary>The expression to evaluate next, unless a value is known.</summary>
    public TracedRef<Cell> Expression;

    /// <summary>The environment with its variables; nothing if there are only global ones.</summary>
    public TracedRef<Cell> Environment;

    public TracedRef<Cell> Value;

    public bool KnowsValue;

    public readonly bool IsDone => KnowsValue && stack.Count == 0;

    public void Step([UnscopedRef] in TracedScope scope)
    {
        if (KnowsValue)
        {
            GiveValue(in scope, stack.Pop(in scope));
        }
        else if (Expression.Is(CellKind.Pair))
        {
            TakeApart(in scope);
        }
        else
        {
            Know(Expression.Is(CellKind.Symbol) ? Variables.Find(Expression, Environment, symbols) : Expression);
        }
    }

    private void TakeApart([UnscopedRef] in TracedScope scope)
    {
        TracedRef<Cell> parts = Expression.Second;
        string head = Expression.First.Is(CellKind.Symbol) ? symbols.NameOf(Expression.First) : "";
        switch (head)
        {
            case "quote":
                Know(parts.Element(0, head));
                break;
            case "if":
                TracedRef<Cell> condition = parts.Element(0, head);
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
    private void Let([UnscopedRef] in TracedScope scope, TracedRef<Cell> parts)
    {
        TracedRef<Cell> names = default;
        TracedRef<Cell> values = default;
        for (TracedRef<Cell> each = parts.Element(0, "let"); !each.IsNull; each = each.Second)
        {
            names = scope.Cons(each.First.Element(0, "let"), names);
            values = scope.Cons(each.First.Element(1, "let"), values);
        }

        TracedRef<Cell> lambda = scope.Cons(symbols.Intern(in scope, "lambda"), scope.Cons(names, parts.Second));
        Evaluate(scope.Cons(lambda, values), Environment);
    }

    private void GiveValue([UnscopedRef] in TracedScope scope, Frame frame)
    {
        switch (frame.Kind)
        {
            case FrameKind.If:
                TracedRef<Cell> then = frame.First.Element(0, "if");
                TracedRef<Cell> otherwise = frame.First.Second;
                Evaluate(!Value.IsNull ? then : otherwise.IsNull ? default : otherwise.First, frame.Environment);
                break;
            case FrameKind.Sequence when frame.First.IsNull:
                break;
            case FrameKind.Sequence:
                // No frame waits for the last expression, so loops by tail calls need no stack.
                if (!frame.First.Second.IsNull)
                {
                    stack.Push(in scope, new Frame(FrameKind.Sequence, frame.First.Second, frame.Environment, default));
                }

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

    private void GiveToCall([UnscopedRef] in TracedScope scope, Frame call)
    {
        TracedRef<Cell> known = scope.Cons(Value, call.Third);
        if (!call.First.IsNull)
        {
            stack.Push(in scope, new Frame(FrameKind.Call, call.First.Second, call.Environment, known));
            Evaluate(call.First.First, call.Environment);
            return;
        }

        TracedRef<Cell> parts = scope.Reversed(known);
        Apply(in scope, parts.First, parts.Second);
    }

    private void Apply([UnscopedRef] in TracedScope scope, TracedRef<Cell> function, TracedRef<Cell> arguments)
    {
        if (function.Is(CellKind.Builtin))
        {
            Know(Builtins.Call(in scope, (Builtin)function.Number, arguments, _yes));
            return;
        }

        if (!function.Is(CellKind.Closure))
        {
            throw new LispException($"{Writer.Write(function, symbols)} is called and is no function.");
        }

        TracedRef<Cell> environment = scope.Environment(function.Third);
        TracedRef<Cell> parameter = function.First;
        for (; parameter.Is(CellKind.Pair) && !arguments.IsNull; parameter = parameter.Second, arguments = arguments.Second)
        {
            Variables.Define(in scope, parameter.First, arguments.First, environment);
        }

        if (!parameter.IsNull || !arguments.IsNull)
        {
            throw new LispException("A function is called with too many or too few arguments.");
        }

        stack.Push(in scope, new Frame(FrameKind.Sequence, function.Second, environment, default));
        Know(default);
    }

    private readonly void Wait(scoped in TracedScope scope, FrameKind kind, TracedRef<Cell> first) =>
        stack.Push(in scope, new Frame(kind, first, Environment, default));

    private void Evaluate(TracedRef<Cell> expression, TracedRef<Cell> environment)
    {
        Expression = expression;
        Environment = environment;
        KnowsValue = false;
    }

    private void Know(TracedRef<Cell> value)
    {
        Value = value;
        KnowsValue = true;
    }
}
