using SpanHeap.Traced;

namespace SpanHeap.Examples.Lisp;

/// <summary>
/// A small Lisp whose heap is a <see cref="TracedHeap"/>. It evaluates step by step with a stack of its own, so calls may be as deep as memory
/// allows. After some steps it leaves its scope for a moment, so that a collection can happen.
/// </summary>
/// <remarks>For one thread at a time; several interpreters may share a heap.</remarks>
public sealed class Interpreter : IDisposable
{
    /// <summary>The largest number of nested calls.</summary>
    public const int DeepestStack = 4_000_000;

    // Registers that persist from one slice to the next.
    private const int Expression = 0;
    private const int Environment = 1;
    private const int Value = 2;

    private readonly TracedHeap _heap;
    private readonly InterpreterOptions _options;
    private readonly Symbols _symbols = new();
    private readonly CallStack _stack;
    private readonly TracedRoots<Cell> _registers;
    private readonly TracedHandle<Cell> _true;
    private bool _knowsValue;

    /// <summary>Creates an interpreter that defines only the builtins.</summary>
    /// <param name="heap">The heap, which must outlive the interpreter.</param>
    /// <param name="options">How the interpreter runs.</param>
    public Interpreter(TracedHeap heap, InterpreterOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(heap);
        _heap = heap;
        _options = options ?? new InterpreterOptions();
        _stack = new CallStack(heap, DeepestStack);
        _registers = heap.CreateRoots<Cell>(3);
        using TracedScope scope = heap.Enter();
        TracedRef<Cell> yes = _symbols.Intern(in scope, "t");
        yes.First = yes;
        yes.IsBound = true;
        _true = scope.Keep(yes);
        Builtins.Define(in scope, _symbols);
    }

    /// <summary>Evaluates all expressions of a text.</summary>
    /// <param name="text">The program.</param>
    /// <returns>The value of the last expression, as text.</returns>
    /// <exception cref="LispException">The program cannot be read, or failed. What it had defined stays.</exception>
    /// <exception cref="OutOfMemoryException">The heap is at its limit. What the program had defined stays.</exception>
    public string Run(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Begin(text);
        try
        {
            while (!RunSlice())
            {
                BetweenSlices();
            }

            using TracedScope scope = _heap.Enter();
            return Writer.Write(_registers.Get(in scope, Value), _symbols);
        }
        catch (OutOfMemoryException)
        {
            // What the program had is garbage now and fills the heap; it must be gone before the next program runs.
            Forget();
            _heap.Collect();
            throw;
        }
        finally
        {
            Forget();
        }
    }

    /// <summary>Releases everything that the interpreter made. The heap stays.</summary>
    public void Dispose()
    {
        _true.Dispose();
        _symbols.Dispose();
        _stack.Dispose();
        _registers.Dispose();
    }

    // Clears first: clearing after a failed run may have failed as well, and what it left would be kept and run.
    private void Begin(string text)
    {
        Forget();
        using TracedScope scope = _heap.Enter();
        Reader reader = new(text, _symbols);
        scoped TracedRef<Cell> program = default;
        while (reader.TryRead(in scope, out TracedRef<Cell> expression))
        {
            program = scope.Cons(expression, program);
        }

        _knowsValue = true;
        _stack.Push(in scope, new Frame(FrameKind.Sequence, scope.Reversed(program), default, default));
    }

    // Whether the program has ended.
    private bool RunSlice()
    {
        using TracedScope scope = _heap.Enter();
        Machine machine = new(_symbols, _stack, _true.Get(in scope))
        {
            Expression = _registers.Get(in scope, Expression),
            Environment = _registers.Get(in scope, Environment),
            Value = _registers.Get(in scope, Value),
            KnowsValue = _knowsValue,
        };
        int steps = _options.StepsPerSlice;
        while (steps > 0 && !machine.IsDone)
        {
            machine.Step(in scope);
            steps--;
        }

        _registers.Set(in scope, Expression, machine.Expression);
        _registers.Set(in scope, Environment, machine.Environment);
        _registers.Set(in scope, Value, machine.Value);
        _knowsValue = machine.KnowsValue;
        return machine.IsDone;
    }

    private void Forget()
    {
        using TracedScope scope = _heap.Enter();
        _stack.Clear(in scope);
        _registers.Clear(in scope, 0, _registers.Length);
    }

    private void BetweenSlices()
    {
        if (_options.CollectsAfterEachSlice)
        {
            _heap.Collect();
        }
    }
}
