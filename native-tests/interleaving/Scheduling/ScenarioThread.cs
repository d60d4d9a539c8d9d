namespace SpanHeap.Tests.Interleaving.Scheduling;

/// <summary>A thread of a scenario.</summary>
/// <param name="Name">What it does, in a word or two: it names the thread where a schedule is printed.</param>
/// <param name="Body">What it runs.</param>
internal sealed record ScenarioThread(string Name, Action Body);
