namespace SpanHeap.Consumers.Measurements;

/// <summary>The memory of the process that is in the machine's memory.</summary>
internal static class Resident
{
    public static double MiB => Environment.WorkingSet / (1024.0 * 1024);
}
