using System.Runtime.InteropServices;

namespace SpanHeap.Os;

/// <summary>Implements pipes within the process, on Linux. A child process does not inherit them.</summary>
internal static unsafe class Pipe
{
    /// <summary>The value for no descriptor.</summary>
    public const int None = -1;

    private const int CloseOnExec = 0x80000;
    private const int SetFlags = 4;
    private const nint NonBlocking = 0x800;
    private const int Interrupted = 4;

    private static readonly delegate* unmanaged<int*, int, int> s_make = (delegate* unmanaged<int*, int, int>)PosixLibrary.Find("pipe2");
    private static readonly delegate* unmanaged<int, int, nint, int> s_control = (delegate* unmanaged<int, int, nint, int>)PosixLibrary.Find("fcntl");
    private static readonly delegate* unmanaged<int, int> s_close = (delegate* unmanaged<int, int>)PosixLibrary.Find("close");
    private static readonly delegate* unmanaged<int, byte*, nint, nint> s_read = (delegate* unmanaged<int, byte*, nint, nint>)PosixLibrary.Find("read");
    private static readonly delegate* unmanaged<int, byte*, nint, nint> s_write = (delegate* unmanaged<int, byte*, nint, nint>)PosixLibrary.Find("write");

    /// <summary>Creates a pipe. Returns false where pipes are not available.</summary>
    public static bool TryMake(out int reader, out int writer)
    {
        int* ends = stackalloc int[2];
        bool made = s_make != null && s_control != null && s_close != null && s_read != null && s_write != null && s_make(ends, CloseOnExec) == 0;
        reader = made ? ends[0] : None;
        writer = made ? ends[1] : None;
        return made;
    }

    /// <summary>Closes ends of pipes that no thread uses; <see cref="None"/> is ignored.</summary>
    public static void Close(params ReadOnlySpan<int> descriptors)
    {
        foreach (int descriptor in descriptors)
        {
            if (descriptor != None)
            {
                s_close(descriptor);
            }
        }
    }

    public static void SetNonBlocking(int descriptor) => s_control(descriptor, SetFlags, NonBlocking);

    /// <summary>Reads bytes, waiting for the first. Returns their number, 0 at the end, or a negative number on failure.</summary>
    public static nint Read(int descriptor, byte* to, nint bytes) => s_read(descriptor, to, bytes);

    /// <summary>Determines whether a signal interrupted the last call. To be called right after it.</summary>
    public static bool WasInterrupted() => Marshal.GetLastSystemError() == Interrupted;

    /// <summary>Writes bytes. Returns their number, or a negative number on failure.</summary>
    public static nint Write(int descriptor, byte* from, nint bytes) => s_write(descriptor, from, bytes);
}
