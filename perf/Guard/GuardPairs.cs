using System.Diagnostics;
using System.Runtime.InteropServices;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Guard;

/// <summary>What a process that guards all its blocks looks like at one time.</summary>
internal sealed record GuardSample(long Pairs, long? ResidentBytes, long Mappings, double NsPerPair);

/// <summary>All of the run.</summary>
internal sealed record GuardPairsResult(GuardSample[] Samples, GuardStatistics Statistics, double NsOfSystemCalls, long ArenaBytes);

/// <summary>
/// Child process: pairs of Alloc and Free, each block guarded and written to, 64 of them live, with sizes from 1 to 2000 bytes; memory and
/// mappings at each tenth.
/// </summary>
internal static unsafe class GuardPairs
{
    public const string Verb = "guard-pairs";

    private const int Tenths = 10;
    private const int Live = 64;
    private const int MostBytes = 2000;

    public static int Run(long pairs, nuint budget)
    {
        using NativeHeap heap = new(new NativeHeapOptions { Guard = { Mode = GuardMode.All, BudgetBytes = budget } });
        nint* live = stackalloc nint[Live];
        List<GuardSample> samples = [];
        uint random = 1;
        for (int tenth = 1; tenth <= Tenths; tenth++)
        {
            long count = pairs / Tenths;
            long start = Stopwatch.GetTimestamp();
            for (long i = 0; i < count; i++)
            {
                random = (random * 1_664_525) + 1_013_904_223;
                uint place = (random >> 8) % Live;
                heap.Free((void*)live[place]);
                nint block = (nint)heap.Alloc((random >> 16) % MostBytes + 1);
                *(byte*)block = 1;
                live[place] = block;
            }

            double ns = Stopwatch.GetElapsedTime(start).TotalNanoseconds / count;
            samples.Add(new GuardSample(tenth * count, ProcessMemory.Resident, CountMappings(), ns));
            WorkerProtocol.SendProgress($"guarded pairs: {tenth * count:N0}");
        }

        for (int i = 0; i < Live; i++)
        {
            heap.Free((void*)live[i]);
        }

        heap.Verify();
        HeapStatistics statistics = heap.GetStatistics();
        double bare = TimeSystemCalls(statistics.Guard.UsesMarkers);
        WorkerProtocol.Send(new GuardPairsResult([.. samples], statistics.Guard, bare, statistics.ReservedBytes));
        return 0;
    }

    public static long CountMappings() => OperatingSystem.IsLinux() ? File.ReadLines("/proc/self/maps").LongCount() : 0;

    // What a guarded pair asks of the system, by itself: a page protected after the block, one touched for the first time, that one
    // protected, both made accessible.
    private static double TimeSystemCalls(bool markers)
    {
        if (!OperatingSystem.IsLinux())
        {
            return 0;
        }

        const int Install = 102, Remove = 103, DontNeed = 4, None = 0, ReadWrite = 3;
        const int Repetitions = 20_000;
        nuint page = (nuint)Environment.SystemPageSize;
        byte* pages = (byte*)NativeMemory.AlignedAlloc(16 * page, page);
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < Repetitions; i++)
        {
            byte* at = pages + (2 * (nuint)(i % 8) * page);
            if (markers)
            {
                _ = MemoryAdvise(at + page, page, Install);
                *at = 1;
                _ = MemoryAdvise(at, page, Install);
                _ = MemoryAdvise(at, 2 * page, Remove);
            }
            else
            {
                _ = MemoryProtect(at + page, page, None);
                *at = 1;
                _ = MemoryAdvise(at, page, DontNeed);
                _ = MemoryProtect(at, page, None);
                _ = MemoryProtect(at, 2 * page, ReadWrite);
            }
        }

        double ns = Stopwatch.GetElapsedTime(start).TotalNanoseconds / Repetitions;
        NativeMemory.AlignedFree(pages);
        return ns;
    }

    [DllImport("libc", EntryPoint = "madvise")]
    private static extern int MemoryAdvise(void* address, nuint bytes, int advice);

    [DllImport("libc", EntryPoint = "mprotect")]
    private static extern int MemoryProtect(void* address, nuint bytes, int protection);
}
