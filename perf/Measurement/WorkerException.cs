namespace SpanHeap.Perf.Measurement;

/// <summary>A child process ended before it gave its result. Ends the program with code 1.</summary>
internal sealed class WorkerException(string message) : Exception(message);
