using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace SpanHeap.Perf.CommandLine;

/// <summary>The kinds of options and operands that the commands have.</summary>
internal static class CommandOptions
{
    public const string Workloads = "--workloads";
    public const string Allocators = "--allocators";

    private const int MostRounds = 1000;

    /// <summary>An option whose value is a text, null when it is not given.</summary>
    public static Option<string?> Text(string name) => new(name);

    /// <summary>An option whose value is a list with commas, null when it is not given.</summary>
    public static Option<IReadOnlyList<string>?> List(string name) => new(name)
    {
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = static result => Split(result.Tokens[0].Value),
    };

    /// <summary>An option whose value is a number in a range, null when it is not given.</summary>
    public static Option<long?> Number(string name, long min, long max) => new(name)
    {
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value >= min && value <= max)
            {
                return value;
            }

            result.AddError($"{name}: '{text}' is not a number from {min} to {max}.");
            return null;
        },
    };

    /// <summary>The option that says how often each allocator is measured, null when it is not given.</summary>
    public static Option<long?> Rounds() => Number("--rounds", 1, MostRounds);

    /// <summary>The names or files that a command may be given, any number of them.</summary>
    public static Argument<string[]> Operands(string name)
    {
        Argument<string[]> operands = new(name) { Arity = ArgumentArity.ZeroOrMore };
        // An option that a command does not have would pass for an operand.
        operands.Validators.Add(static result =>
        {
            foreach (Token token in result.Tokens.Where(static token => IsOption(token.Value)))
            {
                result.AddError(UnknownOption(token.Value));
            }
        });
        return operands;
    }

    /// <summary>Splits a list with commas.</summary>
    public static string[] Split(string list) => list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>Gets whether a word of the command line looks like an option.</summary>
    public static bool IsOption(string word) => word.StartsWith("--", StringComparison.Ordinal);

    /// <summary>Says that a command does not have an option.</summary>
    public static string UnknownOption(string name) => $"{name} is not an option here.";
}
