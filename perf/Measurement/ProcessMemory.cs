using System.Buffers.Text;

namespace SpanHeap.Perf.Measurement;

/// <summary>What the kernel says of this process' resident memory, in bytes; null where there is no /proc.</summary>
internal static class ProcessMemory
{
    private const string Status = "/proc/self/status";
    private const string ClearReferences = "/proc/self/clear_refs";

    public static long? Resident => Read("VmRSS:"u8);

    public static long? Peak => Read("VmHWM:"u8);

    /// <summary>Of the tables that say which pages are where.</summary>
    public static long? PageTables => Read("VmPTE:"u8);

    /// <summary>Makes <see cref="Peak"/> start again from what is resident now; false where the kernel does not offer it.</summary>
    public static bool TryResetPeak()
    {
        try
        {
            File.WriteAllText(ClearReferences, "5");
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    // Without a string or an array, so that looking does not change what is seen.
    private static long? Read(ReadOnlySpan<byte> key)
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        using Microsoft.Win32.SafeHandles.SafeFileHandle file = File.OpenHandle(Status);
        Span<byte> buffer = stackalloc byte[4096];
        ReadOnlySpan<byte> text = buffer[..RandomAccess.Read(file, buffer, 0)];
        int at = text.IndexOf(key);
        if (at < 0)
        {
            return null;
        }

        ReadOnlySpan<byte> number = text[(at + key.Length)..].TrimStart(" \t"u8);
        return Utf8Parser.TryParse(number, out long kibibytes, out _) ? kibibytes * 1024 : null;
    }
}
