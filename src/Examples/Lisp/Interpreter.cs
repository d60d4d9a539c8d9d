namespace SpanHeap.Examples.Lisp;

/// <summary>
/// A small Lisp whose heap is a traced <see cref="NativeHeap"/>. It evaluates step by step with a stack of its own, so that calls may be
/// as deep as memory allows; after some steps it leaves its scope for a moment, and a collection can pass.
/// </summary>
/// <remarks>Of one thread at a time; several interpreters may share a heap.</remarks>
public sealed class Interpreter : IDisposable
{
    /// <summary>How many calls may wait for each other.</summary>
    public const int DeepestStack = 4_000_000;

    // Registers that last from one slice to the next.
    private const int Expression = 0;
    private const int Environment = 1;
    private const int Value = 2;

    private readonly NativeHeap _heap;
    private readonly InterpreterOptions _options;
    private readonly Symbols _symbols = new();
    private readonly CallStack _stack;
    private readonly RootArray<Cell> _registers;
    private readonly GcHandle<Cell> _true;
    private bool _knowsValue;

    /// <summary>Makes one without any definitions but the builtins.</summary>
    /// <param name="heap">A traced heap, which must outlive it.</param>
    /// <param name="options">How it runs.</param>
    public Interpreter(NativeHeap heap, InterpreterOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(heap);
        _heap = heap;
        _options = options ?? new InterpreterOptions();
        _stack = new CallStack(heap, DeepestStack);
        _registers = heap.CreateRootArray<Cell>(3);
        using GcScope scope = heap.Enter();
        GcRef<Cell> yes = _symbols.Intern(in scope, "t");
        yes.First = yes;
        yes.IsBound = true;
        _true = scope.Keep(yes);
        Builtins.Define(in scope, _symbols);
    }

    /// <summary>Evaluates all expressions of a text.</summary>
    /// <param name="text">The program.</param>
    /// <returns>The last one's value, as it is written.</returns>
    /// <exception cref="LispException">The program cannot be read, or went wrong. What it defined until then stays.</exception>
    /// <exception cref="OutOfMemoryException">The heap is at its limit. What was defined until then stays.</exception>
    public string Run(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Begin(text);
        try
        {
            while (!RunSlice())
                BetweenSlices();
            using GcScope scope = _heap.Enter();
            return Writer.Write(_registers.Get(in scope, Value), _symbols);
        }
        catch (OutOfMemoryException)
        {
            // What the program had is garbage now, and fills the heap: the next one is to find it gone.
            Forget();
            _heap.Collect();
            throw;
        }
        finally
        {
            Forget();
        }
    }

    /// <summary>Lets go all that it made. The heap stays.</summary>
    public void Dispose()
    {
        _true.Dispose();
        _symbols.Dispose();
        _stack.Dispose();
        _registers.Dispose();
    }

    // Clears first: clearing after a run that failed may have failed as well, and what it left would be kept, and run.
    private void Begin(string text)
    {
        Forget();
        using GcScope scope = _heap.Enter();
        Reader reader = new(text, _symbols);
        scoped GcRef<Cell> program = default;
        while (reader.TryRead(in scope, out GcRef<Cell> expression))
            program = scope.Cons(expression, program);
        _knowsValue = true;
        _stack.Push(in scope, new Frame(FrameKind.Sequence, scope.Reversed(program), default, default));
    }

    // Whether the program has ended.
    private bool RunSlice()
    {
        using GcScope scope = _heap.Enter();
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
        using GcScope scope = _heap.Enter();
        _stack.Clear(in scope);
        _registers.Clear(in scope, 0, _registers.Length);
    }

    private void BetweenSlices()
    {
        if (_options.CollectsAfterEachSlice)
            _heap.Collect();
    }
}
