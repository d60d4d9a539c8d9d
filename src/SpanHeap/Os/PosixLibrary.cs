using System.Runtime.InteropServices;

namespace SpanHeap.Os;

/// <summary>The C library of Linux, in the process under whatever name it has been loaded.</summary>
internal static class PosixLibrary
{
    /// <summary>The address of a function; 0 where there is none.</summary>
    public static nint Find(string function)
    {
        try
        {
            return OperatingSystem.IsLinux() && NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), function, out nint address) ? address : 0;
        }
        catch (ExternalException)
        {
            // A static executable may have no way to look itself up. (The base of what is thrown: that would load an assembly to be named.)
            return 0;
        }
    }
}
