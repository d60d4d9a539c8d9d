namespace SpanHeap.Examples.Lisp;

internal enum CellKind
{
    Number,
    Symbol,
    Pair,
    Closure,
    Builtin,

    /// <summary>Where a call's parameters have their values.</summary>
    Environment,
}

/// <summary>
/// Everything the interpreter makes is one of these. The generator finds the references, and gives <c>GcRef&lt;Cell&gt;</c> a property for
/// each field.
/// </summary>
[Traced]
internal partial struct Cell
{
    /// <summary>A pair's head; a symbol's global value; a closure's parameters; an environment's pairs of symbol and value.</summary>
    public Gc<Cell> First;

    /// <summary>A pair's tail; a closure's body; the environment around this one.</summary>
    public Gc<Cell> Second;

    /// <summary>The environment that a closure was made in.</summary>
    public Gc<Cell> Third;

    /// <summary>A number; which symbol or builtin it is.</summary>
    public long Number;

    public CellKind Kind;

    /// <summary>Whether a symbol has a global value: that may be nil.</summary>
    public bool IsBound;
}
