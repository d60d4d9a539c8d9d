using System.Runtime.InteropServices;
using SpanHeap.Os;

namespace SpanHeap.Guard;

/// <summary>
/// Reports leaks when the process is about to end, as far as the runtime announces it: after Main or <see cref="Environment.Exit"/>, for an unhandled
/// exception, and for a signal that ends the process. (The runtime does not announce <see cref="Environment.FailFast(string)"/>; the heap's
/// own calls of it come here first.)
/// </summary>
/// <remarks>
/// Thread safe, without a lock. A signal ends the process as it would without this, and a handler of the program that cancels it keeps the
/// report for the real end. The runtime calls the handlers in reverse order of their registration, so this holds for all handlers
/// that the program registered after its first heap with <see cref="GuardOptions.ReportLeaks"/>.
/// </remarks>
internal static class ProcessEnd
{
    // Heaps not yet disposed.
    private static LeakWatch[]? s_watches;

    // Made with the first watch and kept, so that they stay the oldest.
    private static PosixSignalRegistration[]? s_signals;
    private static int s_listens;

    public static void Add(LeakWatch watch)
    {
        CopyOnWrite.Add(ref s_watches, watch);
        if (Interlocked.Exchange(ref s_listens, 1) == 0)
        {
            AppDomain.CurrentDomain.ProcessExit += static (_, _) => Announce();
            AppDomain.CurrentDomain.UnhandledException += static (_, _) => Announce();
            s_signals = [.. Listen(PosixSignal.SIGTERM), .. Listen(PosixSignal.SIGINT), .. Listen(PosixSignal.SIGHUP)];
        }
    }

    public static void Remove(LeakWatch watch) => CopyOnWrite.RemoveAll(ref s_watches, each => each == watch);

    /// <summary>The process is about to end: reports what has not been reported.</summary>
    public static void Announce()
    {
        foreach (LeakWatch watch in Volatile.Read(ref s_watches) ?? [])
        {
            watch.Report();
        }
    }

    // One, or none where there are no signals. The runtime's table of handlers has a lock that can be interrupted: a heap that has just been
    // made is not the place to say so.
    private static PosixSignalRegistration[] Listen(PosixSignal signal)
    {
        PosixSignalRegistration[] made = new PosixSignalRegistration[1];
        try
        {
            Uninterrupted.Do(made, made => made[0] = PosixSignalRegistration.Create(signal, OnSignal));
            return made;
        }
        catch (Exception refused) when (refused is PlatformNotSupportedException or IOException)
        {
            return [];
        }
    }

    private static void OnSignal(PosixSignalContext context)
    {
        if (!context.Cancel)
        {
            Announce();
        }
    }
}
