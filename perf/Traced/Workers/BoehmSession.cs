using System.Runtime.InteropServices;

namespace SpanHeap.Perf.Traced.Workers;

/// <summary>The Boehm collector, used by the process' first thread, whose stack it knows and scans.</summary>
/// <remarks>
/// Allocating is called by the cheapest call there is, like the C allocators elsewhere, though it may collect for tens of milliseconds: that
/// holds up the runtime's own collector, which has nothing to do here. No callback can come out of such a call; so pauses are taken from
/// the collector's own sum, in whole milliseconds, looked at after each tree.
/// </remarks>
internal sealed unsafe partial class BoehmSession
{
    public const string Library = "libgc.so.1";

    private readonly List<double> _pauses = new(4096);
    private readonly long _collectionsBefore;
    private long _collectionsSeen;
    private long _timeSeen;

    public BoehmSession()
    {
        Native.Init();
        Native.StartMeasuring();
        Root = (nint*)Native.AllocUncollectable((nuint)sizeof(nint));
        _collectionsBefore = _collectionsSeen = (long)Native.Collections();
        _timeSeen = (long)Native.TotalMilliseconds();
    }

    /// <summary>A word that keeps a block alive.</summary>
    public nint* Root { get; }

    public long Collections => (long)Native.Collections() - _collectionsBefore;

    /// <summary>The pause of each collection in milliseconds; the average of those that no look could tell apart.</summary>
    public double[] Pauses => [.. _pauses];

    /// <summary>Whether the library is here; else says how to get it.</summary>
    public static bool IsInstalled()
    {
        if (NativeLibrary.TryLoad(Library, out nint library))
        {
            NativeLibrary.Free(library);
            return true;
        }

        Console.Error.WriteLine($"{TracedAllocator.Boehm} is skipped: {Library} is not installed. On Debian: apt-get install libgc1");
        return false;
    }

    /// <summary>A zeroed block.</summary>
    public static void* Alloc(nuint size) => Native.Alloc(size);

    /// <summary>Takes note of collections since the last look.</summary>
    public void Look()
    {
        long collections = (long)Native.Collections();
        long passed = collections - _collectionsSeen;
        if (passed == 0)
        {
            return;
        }

        long time = (long)Native.TotalMilliseconds();
        for (long i = 0; i < passed; i++)
        {
            _pauses.Add((time - _timeSeen) / (double)passed);
        }

        _collectionsSeen = collections;
        _timeSeen = time;
    }

    private static partial class Native
    {
        [LibraryImport(Library, EntryPoint = "GC_init")]
        public static partial void Init();

        [LibraryImport(Library, EntryPoint = "GC_start_performance_measurement")]
        public static partial void StartMeasuring();

        [LibraryImport(Library, EntryPoint = "GC_get_full_gc_total_time"), SuppressGCTransition]
        public static partial nuint TotalMilliseconds();

        [LibraryImport(Library, EntryPoint = "GC_get_gc_no"), SuppressGCTransition]
        public static partial nuint Collections();

        [LibraryImport(Library, EntryPoint = "GC_malloc"), SuppressGCTransition]
        public static partial void* Alloc(nuint size);

        [LibraryImport(Library, EntryPoint = "GC_malloc_uncollectable")]
        public static partial void* AllocUncollectable(nuint size);
    }
}
