using SpanHeap.Perf.Recordings;

namespace SpanHeap.Perf.Replay;

/// <summary>What the parent keeps of a trace: the steps themselves are loaded by the child processes.</summary>
internal sealed record TraceSummary(string Path, string Name, int Operations, int RecordedOperations, string Description)
{
    public static TraceSummary Of(string path, AllocationTrace trace)
    {
        string description = $"{trace.Name}: {trace.Operations.Length:N0} operations, at most {trace.SlotCount:N0} blocks live";
        if (trace.Leftover.Length > 0)
        {
            description += $", {trace.Leftover.Length:N0} left to the end";
        }

        if (trace.UnknownFrees > 0)
        {
            description += $", {trace.UnknownFrees:N0} frees of unknown blocks ignored";
        }

        if (trace.ImplicitFrees > 0)
        {
            description += $", {trace.ImplicitFrees:N0} frees missing and added";
        }

        return new TraceSummary(path, trace.Name, trace.Operations.Length, trace.RecordedCount, description);
    }

    public override string ToString() => Description;
}
