using System.Runtime.InteropServices;

namespace SpanHeap.Os;

/// <summary>The C library of Linux, under whatever name it was loaded into the process.</summary>
internal static class PosixLibrary
{
    /// <summary>Finds the address of a function. Returns 0 if there is none.</summary>
    public static nint Find(string function)
    {
        try
        {
            return OperatingSystem.IsLinux() && NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), function, out nint address) ? address : 0;
        }
        catch (ExternalException)
        {
            // A static executable may have no way to look itself up. (All exceptions are caught, because naming the specific type would load an
            // assembly.)
            return 0;
        }
    }
}
