namespace SpanHeap.Perf.Measurement;

/// <summary>A line on stderr that says what runs. On a terminal each overwrites the one before; in a log they follow each other.</summary>
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
        {
            return;
        }

        Console.Error.Write('\r' + new string(' ', s_shown) + '\r');
        s_shown = 0;
    }
}
