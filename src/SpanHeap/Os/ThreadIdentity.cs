using System.Runtime.InteropServices;

namespace SpanHeap.Os;

/// <summary>
/// Names a thread so that others can ask whether it still lives.
/// </summary>
/// <remarks>
/// On Linux this is the kernel's thread number, asked about by sending no signal: a thread that only allocates native memory then makes
/// no managed object, and the first of those costs a thread 8 KiB of the garbage collected heap (<see cref="Thread.CurrentThread"/>
/// makes one). A number that the kernel has given to a new thread of this process makes a dead thread look alive, never the reverse; it
/// is found dead when its namesake is. Elsewhere it is a handle to the <see cref="Thread"/>.
/// </remarks>
internal readonly partial struct ThreadIdentity : IEquatable<ThreadIdentity>
{
    private readonly nint _value;

    private ThreadIdentity(nint value) => _value = value;

    /// <summary>No thread.</summary>
    public static ThreadIdentity None => default;

    /// <summary>The calling thread. To be released when nobody will ask again.</summary>
    public static ThreadIdentity OfCurrent() =>
        new(OperatingSystem.IsLinux() ? SystemCall(LinuxNumbers.GetThread, 0, 0, 0) : GCHandle.ToIntPtr(GCHandle.Alloc(Thread.CurrentThread)));

    /// <summary>Whether it names a thread that has ended.</summary>
    public bool IsDead
    {
        get
        {
            if (_value == 0)
            {
                return false;
            }

            return OperatingSystem.IsLinux()
                ? SystemCall(LinuxNumbers.SignalThread, Environment.ProcessId, _value, 0) != 0
                : !((Thread)GCHandle.FromIntPtr(_value).Target!).IsAlive;
        }
    }

    public void Release()
    {
        if (_value != 0 && !OperatingSystem.IsLinux())
        {
            GCHandle.FromIntPtr(_value).Free();
        }
    }

    public bool Equals(ThreadIdentity other) => _value == other._value;

    public override bool Equals(object? obj) => obj is ThreadIdentity other && Equals(other);

    public override int GetHashCode() => _value.GetHashCode();

    // The C library has names for these calls only since lately, and not every C library does.
    [LibraryImport("libc", EntryPoint = "syscall")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint SystemCall(nint number, nint first, nint second, nint third);

    private static class LinuxNumbers
    {
        private static readonly bool s_x64 = RuntimeInformation.ProcessArchitecture == Architecture.X64;

        public static nint GetThread => s_x64 ? 186 : 178;

        /// <summary>tgkill: with signal 0 it only looks whether there is such a thread in the process.</summary>
        public static nint SignalThread => s_x64 ? 234 : 131;
    }
}
