namespace SpanHeap.Examples.Lisp;

/// <summary>Options of an interpreter.</summary>
public sealed record InterpreterOptions
{
    /// <summary>The number of steps, of about one cell each, after which a collection may happen.</summary>
    public int StepsPerSlice { get; init; } = 10_000;

    /// <summary>Whether a collection happens after each slice, to find references that the interpreter has forgotten to keep.</summary>
    public bool CollectsAfterEachSlice { get; init; }
}
