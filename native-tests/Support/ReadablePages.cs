using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using SpanHeap.Os;

namespace SpanHeap.Tests.Support;

/// <summary>
/// Counts what the process can read, page by page. The list of mappings that the system keeps does not serve for that under an emulator: it
/// leaves out a range that the machine under it has put together with a neighbor of other rights.
/// </summary>
internal static unsafe partial class ReadablePages
{
    public static long CountBytes(nint start, long bytes)
    {
        long readable = 0;
        using SafeFileHandle file = File.OpenHandle(
            Path.Join(Path.GetTempPath(), Path.GetRandomFileName()), FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.DeleteOnClose);
        for (nint page = start; page < start + bytes; page += (nint)OsMemory.PageSize)
        {
            // The system refuses to write to a file what the process cannot read.
            readable += Write(file, (void*)page, 1, 0) == 1 ? (long)OsMemory.PageSize : 0;
        }

        return readable;
    }

    [LibraryImport("libc", EntryPoint = "pwrite")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Write(SafeFileHandle file, void* bytes, nuint count, nint offset);
}
