namespace SpanHeap.Examples.Lisp;

/// <summary>Thrown for a program that cannot be read, or that failed.</summary>
public sealed class LispException(string message) : Exception(message);
