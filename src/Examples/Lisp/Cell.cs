using SpanHeap.Traced;

namespace SpanHeap.Examples.Lisp;

internal enum CellKind
{
    Number,
    Symbol,
    Pair,
    Closure,
    Builtin,

    /// <summary>Holds the values of a call's parameters.</summary>
    Environment,
}

/// <summary>
/// Everything that the interpreter makes is a cell. The generator finds the references, and gives <c>TracedRef&lt;Cell&gt;</c> a property for each
/// field.
/// </summary>
[Traced]
internal partial struct Cell
{
    /// <summary>A pair's head; a symbol's global value; a closure's parameters; an environment's pairs of symbol and value.</summary>
    public Traced<Cell> First;

    /// <summary>A pair's tail; a closure's body; the environment around this one.</summary>
    public Traced<Cell> Second;

    /// <summary>The environment that a closure was made in.</summary>
    public Traced<Cell> Third;

    /// <summary>A number; which symbol or builtin it is.</summary>
    public long Number;

    public CellKind Kind;

    /// <summary>Whether a symbol has a global value, which may be nil.</summary>
    public bool IsBound;
}
