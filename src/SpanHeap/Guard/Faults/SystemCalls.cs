namespace SpanHeap.Guard.Faults;

/// <summary>Numbers of the system's calls that the fault handler makes (Linux on x64).</summary>
internal static class SystemCalls
{
    public const int Read = 0;
    public const int Write = 1;
    public const int Poll = 7;
    public const int ProcessId = 39;
    public const int ThreadId = 186;
    public const int ProcessRead = 310;
}
