namespace SpanHeap.Perf.CommandLine;

/// <summary>Something the user gave cannot be used; the message says what and where. Ends the program with code 2.</summary>
internal sealed class InputException(string message, Exception? inner = null) : Exception(message, inner);
