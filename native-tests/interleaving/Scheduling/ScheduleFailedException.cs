namespace SpanHeap.Tests.Interleaving.Scheduling;

/// <summary>A schedule in which something went wrong. The message says what, where each thread was, and how it comes again.</summary>
internal sealed class ScheduleFailedException(string message, string decisions, Exception? cause) : Exception(message, cause)
{
    /// <summary>For <see cref="ReplayedOrder"/>.</summary>
    public string Decisions => decisions;
}

/// <summary>Ends a thread of a schedule that has failed.</summary>
internal sealed class ScheduleGivenUpException : Exception;
