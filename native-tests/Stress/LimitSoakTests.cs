using System.Globalization;
using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Stress;

/// <summary>
/// Threads that live at a heap's limit: nothing grows, no thread starves, and afterwards one thread gets all. For a second in the suite; for
/// as long as <c>SPANHEAP_SOAK_SECONDS</c> says, and then with a look at the process's mappings:
/// <c>SPANHEAP_SOAK_SECONDS=600 dotnet test -c Release native-tests/native-tests.csproj --filter LimitSoakTests</c>.
/// </summary>
public sealed unsafe class LimitSoakTests(ITestOutputHelper output)
{
    private const string Variable = "SPANHEAP_SOAK_SECONDS";
    private const int Limit = 16 << 20;
    private const int Threads = 8;
    private const int Slices = 10;
    private const int Largest = 100 * 1024;

    [Fact]
    public void Threads_of_mixed_sizes_at_a_limit_are_all_served_and_nothing_grows()
    {
        bool alone = double.TryParse(Environment.GetEnvironmentVariable(Variable), CultureInfo.InvariantCulture, out double seconds);
        TimeSpan slice = TimeSpan.FromSeconds(alone ? seconds : 1) / Slices;
        int seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        using NativeHeap heap = new(new NativeHeapOptions { MemoryLimit = Limit });
        long[] served = new long[Threads];
        bool stop = false;
        int mappings = 0;
        Thread watch = new(() =>
        {
            long[] before = new long[Threads];
            for (int i = 0; i < Slices; i++)
            {
                StressWait.Until(() => Enumerable.Range(0, Threads).All(thread => Volatile.Read(ref served[thread]) > before[thread]), () => "a thread starves");
                before = [.. Enumerable.Range(0, Threads).Select(thread => Volatile.Read(ref served[thread]))];
                Thread.Sleep(slice);
                HeapStatistics now = heap.GetStatistics();
                mappings = mappings == 0 ? CountMappings() : mappings;
                output.WriteLine($"{i}: {served.Sum()} served, {now.Arenas} arenas, {now.MetadataBytes} bytes of records, {CountMappings()} mappings");
            }

            Volatile.Write(ref stop, true);
        });
        watch.Start();
        StressThreads.Run(Threads, number => Churn(heap, (ulong)(seed + number), ref served[number], ref stop), bound: (2 * Slices * slice) + TimeSpan.FromMinutes(2));
        watch.Join();

        HeapStatistics end = heap.GetStatistics();
        Assert.Equal(1, end.Arenas);
        Assert.InRange(end.MetadataBytes, 0, Limit / 8);
        Assert.True(!alone || CountMappings() <= mappings + 16, $"{mappings} mappings became {CountMappings()}");
        Assert.InRange(Fill(heap) * 50_000L, Limit * 7L / 10, Limit);
        heap.Verify();
    }

    private static void Churn(NativeHeap heap, ulong seed, ref long served, ref bool stop)
    {
        StressRandom random = new(seed);
        List<nint> blocks = [];
        while (!Volatile.Read(ref stop))
        {
            try
            {
                blocks.Add((nint)heap.Alloc((nuint)(16 + (random.OneIn(4) ? random.Below(Largest) : random.Below(1000)))));
                Volatile.Write(ref served, served + 1);
            }
            catch (OutOfMemoryException)
            {
                int kept = blocks.Count / 2;
                StressHeap.FreeAll(heap, blocks.Skip(kept));
                blocks.RemoveRange(kept, blocks.Count - kept);
            }
        }

        StressHeap.FreeAll(heap, blocks);
    }

    private static int Fill(NativeHeap heap)
    {
        int count = 0;
        try
        {
            while (true)
            {
                heap.Alloc(50_000);
                count++;
            }
        }
        catch (OutOfMemoryException)
        {
            return count;
        }
    }

    private static int CountMappings() => OperatingSystem.IsLinux() ? File.ReadLines("/proc/self/maps").Count() : 0;
}
