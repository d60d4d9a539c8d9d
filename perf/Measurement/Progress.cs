namespace SpanHeap.Perf.Measurement;

/// <summary>One line on stderr that says what runs: written over on a terminal, a line each in a log.</summary>
internal static class Progress
{
    private static int s_shown;

    public static void Show(string text)
    {
        if (Console.IsErrorRedirected)
        {
            Console.Error.WriteLine(text);
            return;
        }

        Console.Error.Write('\r' + text.PadRight(s_shown));
        s_shown = text.Length;
    }

    public static void Clear()
    {
        if (s_shown == 0)
            return;
        Console.Error.Write('\r' + new string(' ', s_shown) + '\r');
        s_shown = 0;
    }
}
