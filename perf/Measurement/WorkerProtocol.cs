using System.Text.Json;

namespace SpanHeap.Perf.Measurement;

/// <summary>The lines between the program and its child processes, seen from the child.</summary>
internal static class WorkerProtocol
{
    public static void Send<T>(T result)
    {
        Console.Out.WriteLine(JsonSerializer.Serialize(result));
        Console.Out.Flush();
    }

    public static void SendProgress(string text)
    {
        Console.Out.WriteLine("# " + text);
        Console.Out.Flush();
    }

    /// <summary>Waits for the next question; null when there will be none.</summary>
    public static string? NextQuestion() => Console.In.ReadLine();

    public static T Parse<T>(string line) => JsonSerializer.Deserialize<T>(line)!;
}
