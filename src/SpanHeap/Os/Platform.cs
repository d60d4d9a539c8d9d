namespace SpanHeap.Os;

/// <summary>What a process must offer.</summary>
internal static class Platform
{
    /// <exception cref="PlatformNotSupportedException">Not a 64-bit process on Linux, macOS or Windows.</exception>
    public static void EnsureSupported()
    {
        if (IntPtr.Size != 8 || !(OperatingSystem.IsLinux() || OperatingSystem.IsMacOS() || OperatingSystem.IsWindows()))
        {
            throw new PlatformNotSupportedException("SpanHeap needs a 64-bit process on Linux, macOS or Windows.");
        }
    }
}
