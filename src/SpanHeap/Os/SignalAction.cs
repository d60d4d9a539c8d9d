using System.Runtime.InteropServices;

namespace SpanHeap.Os;

/// <summary>The handlers of the process's signals, through the C library of Linux.</summary>
internal static unsafe class SignalAction
{
    public const int BusError = 7;
    public const int SegmentationFault = 11;

    // Not addresses but "as the system does" and "not at all".
    private const nint LastWithoutCode = 1;

    private static readonly delegate* unmanaged<int, Action*, Action*, int> s_set = (delegate* unmanaged<int, Action*, Action*, int>)PosixLibrary.Find("sigaction");

    /// <summary>Puts a handler in front of the one there is, with that one's mask and flags.</summary>
    /// <param name="signal">Which signal.</param>
    /// <param name="handler">Code for ever, to be called with all three arguments.</param>
    /// <param name="previous">Gets the address of the other handler before the new one can be called.</param>
    /// <returns>False when there was no handler, or the system refuses: nothing has changed.</returns>
    public static bool TryPutInFront(int signal, nint handler, nint* previous)
    {
        Action action = default;
        if (s_set == null || s_set(signal, null, &action) != 0 || action.Handler is >= 0 and <= LastWithoutCode)
        {
            return false;
        }

        Volatile.Write(ref *previous, action.Handler);
        action.Handler = handler;
        return s_set(signal, &action, null) == 0;
    }

    // As glibc and musl have it on 64-bit systems.
    [StructLayout(LayoutKind.Explicit, Size = 152)]
    private struct Action
    {
        [FieldOffset(0)]
        public nint Handler;
    }
}
