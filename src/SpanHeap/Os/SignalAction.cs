using System.Runtime.InteropServices;

namespace SpanHeap.Os;

/// <summary>Sets the process's signal handlers through Linux's C library.</summary>
internal static unsafe class SignalAction
{
    public const int BusError = 7;
    public const int SegmentationFault = 11;

    // Not addresses, but "the default action" and "ignore".
    private const nint LastWithoutCode = 1;

    private static readonly delegate* unmanaged<int, Action*, Action*, int> s_set = (delegate* unmanaged<int, Action*, Action*, int>)PosixLibrary.Find("sigaction");

    /// <summary>Puts a handler in front of the current one, with the mask and flags of the current one.</summary>
    /// <param name="signal">The number of the signal.</param>
    /// <param name="handler">Code that is never freed, and that takes all three arguments.</param>
    /// <param name="previous">Receives the address of the current handler before the new one can be called.</param>
    /// <returns>False, with nothing changed, when there was no handler or the system refused.</returns>
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

    // The layout of glibc and musl on 64-bit systems.
    [StructLayout(LayoutKind.Explicit, Size = 152)]
    private struct Action
    {
        [FieldOffset(0)]
        public nint Handler;
    }
}
