using System.Runtime.InteropServices;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Guarding.Faults;

/// <summary>
/// Reports faults in guarded memory: a handler of the system's signals in front of the runtime's, which says what was touched and leaves all
/// else to the runtime. Linux on x64 only.
/// </summary>
/// <remarks>
/// For the rest of the process: whoever installs another handler later has this one to go on to, so that it must stay. A fault outside
/// of guarded memory, a null reference for one, costs some instructions more.
/// </remarks>
internal static unsafe class FaultHandler
{
    private static readonly Lazy<bool> s_installation = new(Install);

    /// <summary>Whether a fault is reported in this process.</summary>
    public static bool IsInstalled => s_installation.IsValueCreated && s_installation.Value;

    /// <summary>Installs it, once. False where there is none, or the system denies executable memory or the calls the handler makes.</summary>
    /// <remarks>Thread safe. Call without a <see cref="NativeLock"/>: it starts a thread.</remarks>
    public static bool TryInstall()
    {
        Uninterrupted.Do(s_installation, static installation => _ = installation.Value);
        return s_installation.Value;
    }

    private static bool Install()
    {
        try
        {
            return OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64
                && ProcessMemory.CanReadOwn() && TryMake(out nint* data, out nint handler) && TryInstall(data, handler);
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
    }

    private static bool TryMake(out nint* data, out nint handler)
    {
        data = (nint*)NativeMemory.AllocZeroed(FaultData.Words, (nuint)sizeof(nint));
        (data[FaultData.Map], data[FaultData.MapPieces]) = ((nint, nint))ArenaMap.Table;
        data[FaultData.HugeGuards] = (nint)HugeGuards.Table;
        FaultText.Place(data);
        handler = ExecutableMemory.TryMake(FaultStub.Make((nint)data));
        return handler != 0;
    }

    private static bool TryInstall(nint* data, nint handler)
    {
        bool watched = FaultWatcher.TryStart(out int request, out int answer);
        data[FaultData.Request] = watched ? request : Pipe.None;
        data[FaultData.Answer] = answer;
        if (!SignalAction.TryPutInFront(SignalAction.SegmentationFault, handler, data + FaultData.SegmentationHandler))
        {
            return false;
        }

        // Where this one fails its faults are the runtime's alone.
        SignalAction.TryPutInFront(SignalAction.BusError, handler, data + FaultData.BusHandler);
        return true;
    }
}
