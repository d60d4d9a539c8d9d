namespace SpanHeap.Tests.Ahead;

/// <summary>What must hold. There is no test runner here.</summary>
internal static class Expect
{
    public static void That(bool holds, string what)
    {
        if (!holds)
        {
            throw new InvalidOperationException($"It does not hold that {what}.");
        }
    }

    /// <summary>An action throws an exception of a type.</summary>
    public static TException Throws<TException>(Action action)
        where TException : Exception
    {
        try
        {
            action();
        }
        catch (TException expected)
        {
            return expected;
        }

        throw new InvalidOperationException($"No {typeof(TException).Name} was thrown.");
    }
}
