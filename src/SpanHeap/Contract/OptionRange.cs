namespace SpanHeap.Contract;

/// <summary>Requires options to be in range, and says what the range is where one is not.</summary>
internal static class OptionRange
{
    private static readonly TimeSpan s_longestDelay = TimeSpan.FromDays(1);

    /// <summary>Requires a delay to be infinite, or from the least one to a day.</summary>
    public static void RequireDelay(TimeSpan value, TimeSpan least, string name)
    {
        if (value != Timeout.InfiniteTimeSpan && (value < least || value > s_longestDelay))
        {
            throw new ArgumentOutOfRangeException(
                name, value, $"{name} must be from {least.TotalMilliseconds} ms to {s_longestDelay.TotalDays} day, or infinite.");
        }
    }

    public static void RequireNumber(int value, int least, int most, string name)
    {
        if (value < least || value > most)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} must be from {least} to {most}.");
        }
    }

    /// <summary>Makes the exception about a value that its enumeration does not define.</summary>
    public static ArgumentOutOfRangeException NotDefined(Enum option, string name) =>
        new(name, option, $"{name} must be one of {string.Join(", ", Enum.GetNames(option.GetType()))}.");
}
