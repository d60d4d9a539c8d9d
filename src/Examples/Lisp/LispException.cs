namespace SpanHeap.Examples.Lisp;

/// <summary>A program that cannot be read, or went wrong.</summary>
public sealed class LispException(string message) : Exception(message);
