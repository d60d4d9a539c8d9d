using System.Globalization;

namespace SpanHeap.Contract;

/// <summary>
/// Reads the options of the shared heap from environment variables. An invalid value is an error that names the variable.
/// </summary>
internal static class EnvironmentOption
{
    /// <summary>A number of bytes, optionally followed by K, M or G for a power of 1024; the fallback when the variable is not set.</summary>
    public static nuint Bytes(Func<string, string?> read, string variable, nuint fallback = 0)
    {
        string? text = read(variable);
        if (string.IsNullOrWhiteSpace(text))
        {
            return fallback;
        }

        string digits = text.Trim();
        int shift = char.ToUpperInvariant(digits[^1]) switch { 'K' => 10, 'M' => 20, 'G' => 30, _ => 0 };
        digits = shift == 0 ? digits : digits[..^1];
        return ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) && number <= ulong.MaxValue >> shift
            ? (nuint)(number << shift)
            : throw Meaningless(variable, text, "a number of bytes such as 512M");
    }

    /// <summary>A number of milliseconds, where -1 means never; the fallback when the variable is not set.</summary>
    public static TimeSpan Milliseconds(Func<string, string?> read, string variable, TimeSpan fallback)
    {
        string? text = read(variable);
        if (string.IsNullOrWhiteSpace(text))
        {
            return fallback;
        }

        return int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) && number is >= -1 and <= 86_400_000
            ? TimeSpan.FromMilliseconds(number)
            : throw Meaningless(variable, text, "milliseconds up to a day, or -1 for never");
    }

    /// <summary>A whole number in a range; the fallback when the variable is not set.</summary>
    public static int Number(Func<string, string?> read, string variable, int least, int most, int fallback)
    {
        string? text = read(variable);
        if (string.IsNullOrWhiteSpace(text))
        {
            return fallback;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number
            : throw Meaningless(variable, text, $"a number from {least} to {most}");
    }

    /// <summary>The name of an enumeration's value, in any case; the fallback when the variable is not set.</summary>
    public static T Choice<T>(Func<string, string?> read, string variable, T fallback = default)
        where T : struct, Enum
    {
        string? text = read(variable);
        if (string.IsNullOrWhiteSpace(text))
        {
            return fallback;
        }

        // Names only: Enum.Parse would also accept numbers and lists. LINQ is avoided because every program would have to load its assembly.
        string? name = Array.Find(Enum.GetNames<T>(), known => known.Equals(text.Trim(), StringComparison.OrdinalIgnoreCase));
        return name != null
            ? Enum.Parse<T>(name)
            : throw Meaningless(variable, text, "one of " + string.Join(", ", Enum.GetNames<T>()));
    }

    /// <summary>1 or 0, true or false; false when the variable is not set.</summary>
    public static bool Switch(Func<string, string?> read, string variable)
    {
        string? text = read(variable);
        return text switch
        {
            null or "" or "0" => false,
            "1" => true,
            _ => bool.TryParse(text, out bool value) ? value : throw Meaningless(variable, text, "0 or 1"),
        };
    }

    private static FormatException Meaningless(string variable, string text, string expected) =>
        new($"The environment variable {variable} is '{text}'; it must be {expected}.");
}
