using System.Globalization;

namespace SpanHeap.Perf.CommandLine;

/// <summary>Positional arguments and <c>--name value</c> options. What nobody asked for by the end is an error.</summary>
internal sealed class Arguments
{
    private readonly List<string> _positional = [];
    private readonly Dictionary<string, string> _options = [];

    public Arguments(ReadOnlySpan<string> args)
    {
        for (int i = 0; i < args.Length; i++)
        {
            if (!args[i].StartsWith("--", StringComparison.Ordinal))
            {
                _positional.Add(args[i]);
                continue;
            }

            string name = args[i];
            if (++i == args.Length)
                throw new InputException($"{name} needs a value.");
            if (!_options.TryAdd(name, args[i]))
                throw new InputException($"{name} is given twice.");
        }
    }

    public IReadOnlyList<string> Positional => _positional;

    public string? Text(string name) => _options.Remove(name, out string? value) ? value : null;

    public IReadOnlyList<string>? List(string name) =>
        Text(name)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    public long? Number(string name, long min, long max)
    {
        if (Text(name) is not { } text)
            return null;
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value >= min && value <= max)
            return value;
        throw new InputException($"{name}: '{text}' is not a number from {min} to {max}.");
    }

    /// <summary>To be called after the options were read.</summary>
    public void RefuseTheRest()
    {
        foreach (string name in _options.Keys)
            throw new InputException($"{name} is not an option here.\n\n{Usage.Text}");
    }
}
