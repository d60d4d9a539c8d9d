using System.Runtime.InteropServices;
using SpanHeap.Guard.Records;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Guard.Faults;

/// <summary>
/// Reports faults in guarded memory. It installs a signal handler in front of the runtime's, which says what was touched and leaves everything
/// else to the runtime. Linux on x64 only.
/// </summary>
/// <remarks>
/// It stays for the rest of the process, because a handler that is installed later may jump to this one. A fault outside of guarded memory, such as
/// that of a null reference, costs some more instructions.
/// </remarks>
internal static unsafe class FaultHandler
{
    private static readonly Lazy<bool> s_installation = new(Install);

    /// <summary>Whether faults are reported in this process.</summary>
    public static bool IsInstalled => s_installation.IsValueCreated && s_installation.Value;

    /// <summary>Installs the handler, once. False where there is none for the system, or it denies executable memory or the calls that the handler makes.</summary>
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

        // If this call fails, only the runtime handles its faults.
        SignalAction.TryPutInFront(SignalAction.BusError, handler, data + FaultData.BusHandler);
        return true;
    }
}
