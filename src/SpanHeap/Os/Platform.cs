namespace SpanHeap.Os;

/// <summary>Checks what a process must provide.</summary>
internal static class Platform
{
    /// <exception cref="PlatformNotSupportedException">The process is not a 64-bit process on Linux, macOS or Windows.</exception>
    public static void EnsureSupported()
    {
        if (IntPtr.Size != 8 || !(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS() || OperatingSystem.IsWindows()))
        {
            throw new PlatformNotSupportedException("SpanHeap needs a 64-bit process on Linux, macOS or Windows.");
        }
    }
}
