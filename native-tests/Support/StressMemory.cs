using System.Globalization;

namespace SpanHeap.Tests.Support;

/// <summary>What the system says of this process's memory.</summary>
internal static class StressMemory
{
    public const long MiB = 1024 * 1024;

    /// <summary>Resident bytes (VmRSS). Linux only.</summary>
    public static long Resident()
    {
        string line = File.ReadLines("/proc/self/status").First(static l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        string kibibytes = line["VmRSS:".Length..].Replace("kB", "", StringComparison.Ordinal);
        return long.Parse(kibibytes, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture) * 1024;
    }
}
