namespace SpanHeap.Perf.Compare;

/// <summary>An allocator handed out memory that it must not have. Ends the worker, and with it the comparison.</summary>
internal sealed class WrongContentsException(string message) : Exception(message);
