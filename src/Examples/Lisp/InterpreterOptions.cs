namespace SpanHeap.Examples.Lisp;

/// <summary>How an interpreter runs.</summary>
public sealed record InterpreterOptions
{
    /// <summary>After how many steps, of about one cell each, a collection may pass.</summary>
    public int StepsPerSlice { get; init; } = 10_000;

    /// <summary>Whether one does each time: to find references that the interpreter has forgotten to keep.</summary>
    public bool CollectsAfterEachSlice { get; init; }
}
