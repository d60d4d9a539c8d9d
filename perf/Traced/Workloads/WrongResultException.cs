namespace SpanHeap.Perf.Traced.Workloads;

/// <summary>A program found something else than it had made. Ends the worker, and with it the command.</summary>
internal sealed class WrongResultException(string message) : Exception(message)
{
    public static void ThrowUnless(string program, string what, long expected, long found)
    {
        if (found != expected)
        {
            throw new WrongResultException($"{program}: {what} should be {expected} and is {found}.");
        }
    }
}
