using System.Runtime.InteropServices;

namespace SpanHeap.Os;

/// <summary>
/// Names a thread so that others can ask whether it still lives.
/// </summary>
/// <remarks>
/// On Linux this is the kernel's thread number, asked about by sending no signal: a thread that only allocates native memory then makes
/// no managed object, and the first of those costs a thread 8 KiB of the garbage collected heap (<see cref="Thread.CurrentThread"/>
/// makes one). A number that the kernel has given to a new thread of this process makes a dead thread look alive, never the reverse; it
/// is found dead when its namesake is. Elsewhere it is the <see cref="Thread"/>.
/// </remarks>
internal readonly partial struct ThreadIdentity
{
    // "No such thread": the only answer that means death. Others, such as a sandbox's refusal, mean nothing.
    private const int NoSuchThread = 3;

    private readonly nint _number;
    private readonly Thread? _thread;

    private ThreadIdentity(nint number, Thread? thread)
    {
        _number = number;
        _thread = thread;
    }

    /// <summary>No thread; it is not dead.</summary>
    public static ThreadIdentity None => default;

    /// <summary>The calling thread.</summary>
    public static ThreadIdentity OfCurrent()
    {
        nint number = LinuxCalls.AreKnown ? SystemCall(LinuxCalls.GetThread, 0, 0, 0) : 0;
        return number > 0 ? new ThreadIdentity(number, null) : new ThreadIdentity(0, Thread.CurrentThread);
    }

    /// <summary>Whether it names a thread that has ended.</summary>
    public bool IsDead => _thread != null
        ? !_thread.IsAlive
        : _number != 0
            && SystemCall(LinuxCalls.SignalThread, Environment.ProcessId, _number, 0) != 0
            && Marshal.GetLastPInvokeError() == NoSuchThread;

    /// <summary>Whether both name the same kernel thread number; then the thread that had it first is dead.</summary>
    public bool IsNamesakeOf(ThreadIdentity other) => _number != 0 && _number == other._number;

    // The C library has names for these calls only since lately, and not every C library does.
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint SystemCall(nint number, nint first, nint second, nint third);

    private static class LinuxCalls
    {
        private static readonly Architecture s_architecture = RuntimeInformation.ProcessArchitecture;

        public static bool AreKnown => OperatingSystem.IsLinux() && s_architecture is (Architecture.X64 or Architecture.Arm64);

        public static nint GetThread => s_architecture == Architecture.X64 ? 186 : 178;

        /// <summary>tgkill: with signal 0 it only looks whether there is such a thread in the process.</summary>
        public static nint SignalThread => s_architecture == Architecture.X64 ? 234 : 131;
    }
}
