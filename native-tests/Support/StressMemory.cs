using System.Globalization;

namespace SpanHeap.Tests.Support;

/// <summary>What the system says of this process's memory.</summary>
internal static class StressMemory
{
    public const long MiB = 1024 * 1024;

    /// <summary>Resident bytes without what .NET's collector would give back: lists of blocks are managed memory, and no matter of the heap's.</summary>
    public static long ResidentWithoutGarbage()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return Resident();
    }

    /// <summary>Resident bytes (VmRSS). Linux only.</summary>
    public static long Resident()
    {
        string line = File.ReadLines("/proc/self/status").First(static l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        string kibibytes = line["VmRSS:".Length..].Replace("kB", "", StringComparison.Ordinal);
        return long.Parse(kibibytes, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture) * 1024;
    }
}
