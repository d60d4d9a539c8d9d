using System.Runtime.InteropServices;
using SpanHeap.Os;

namespace SpanHeap.Guarding;

/// <summary>
/// Has leaks reported when the process is about to end, as far as the runtime says so: after Main or <see cref="Environment.Exit"/>, for an
/// exception that nobody handles, and for a signal that ends the process. (Of <see cref="Environment.FailFast(string)"/> it tells nobody; the
/// heap's own calls of it come here first.)
/// </summary>
/// <remarks>
/// Thread safe, without a lock. A signal ends the process as it would without this, and a handler of the program that cancels it keeps the
/// report for the real end. The runtime calls the handlers registered last first, so that this is known of all that the program
/// registered after its first heap with <see cref="NativeHeapOptions.GuardLeaks"/>.
/// </remarks>
internal static class ProcessEnd
{
    // Heaps not yet disposed. Replaced by compare-exchange; an array is never changed.
    private static LeakWatch[] s_watches = [];

    // Made with the first watch and kept, so that they stay the oldest.
    private static PosixSignalRegistration[]? s_signals;
    private static int s_listens;

    public static void Add(LeakWatch watch)
    {
        Replace(watch, static (watches, added) => [.. watches, added]);
        if (Interlocked.Exchange(ref s_listens, 1) == 0)
        {
            AppDomain.CurrentDomain.ProcessExit += static (_, _) => Announce();
            AppDomain.CurrentDomain.UnhandledException += static (_, _) => Announce();
            s_signals = [.. Listen(PosixSignal.SIGTERM), .. Listen(PosixSignal.SIGINT), .. Listen(PosixSignal.SIGHUP)];
        }
    }

    public static void Remove(LeakWatch watch) => Replace(watch, static (watches, removed) => [.. watches.Where(each => each != removed)]);

    /// <summary>The process is about to end: reports what has not been reported.</summary>
    public static void Announce()
    {
        foreach (LeakWatch watch in Volatile.Read(ref s_watches))
        {
            watch.Report();
        }
    }

    private static void Replace(LeakWatch watch, Func<LeakWatch[], LeakWatch, LeakWatch[]> change)
    {
        LeakWatch[] before;
        do
        {
            before = Volatile.Read(ref s_watches);
        }
        while (Interlocked.CompareExchange(ref s_watches, change(before, watch), before) != before);
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
