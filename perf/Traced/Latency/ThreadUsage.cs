using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SpanHeap.Perf.Traced.Latency;

/// <summary>What the system has counted for the calling thread until now; all 0 elsewhere than on Linux.</summary>
/// <param name="Ran">How long the thread ran.</param>
/// <param name="Waits">How many times it gave the processor up.</param>
internal readonly partial record struct ThreadUsage(TimeSpan Ran, long Waits)
{
    // What getrusage says of the time lags by up to a tick of the scheduler, which is as long as what is looked for. This clock is exact.
    private const int ClockOfThread = 3;
    private const int OfThread = 1;

    public static ThreadUsage Now
    {
        get
        {
            if (!OperatingSystem.IsLinux() || Native.GetUsage(OfThread, out Usage usage) != 0 || Native.GetTime(ClockOfThread, out TimeSpec ran) != 0)
            {
                return default;
            }

            return new ThreadUsage(ran.Span, usage.Waits);
        }
    }

    // A struct rusage of 64-bit Linux.
    [StructLayout(LayoutKind.Sequential)]
    private struct Usage
    {
        public Others Unused;
        public nint Waits;
        public nint Preemptions;
    }

    [InlineArray(16)]
    private struct Others
    {
        private nint _first;
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct TimeSpec
    {
        private readonly nint _seconds;
        private readonly nint _nanoseconds;

        public TimeSpan Span => new((_seconds * TimeSpan.TicksPerSecond) + (_nanoseconds / TimeSpan.NanosecondsPerTick));
    }

    private static partial class Native
    {
        [LibraryImport("libc", EntryPoint = "getrusage"), SuppressGCTransition]
        public static partial int GetUsage(int who, out Usage usage);

        [LibraryImport("libc", EntryPoint = "clock_gettime"), SuppressGCTransition]
        public static partial int GetTime(int clock, out TimeSpec time);
    }
}
