namespace SpanHeap.Perf.CommandLine;

/// <summary>What <c>perf -- help</c> prints.</summary>
internal static class Usage
{
    public const string Text = """
        dotnet run -c Release --project perf [-- COMMAND]

          replay [FILE...] [--allocators a,b,..] [--peer NAME=PATH]... [--rounds N] [--json FILE]
              Replays allocation traces of real programs, by default the bundled ones. FILE is a raw
              recording of heaptrack ('heaptrack --raw PROGRAM'): plain, gzip or zstd.
          compare [--workloads a,b,..] [--allocators a,b,..] [--peer NAME=PATH]... [--threads 1,2]
                  [--rounds N] [--traces DIRECTORY-OR-FILES] [--fleet DIRECTORY] [--json FILE]
                  [--markdown FILE] [--chart FILE.svg] [--short-chart FILE.svg]
              Every workload with every allocator, and how far each is from the best C allocator. Names of
              workloads may be patterns ('pair*', 'trace:*'); a wrong one is answered with all names.
              --traces takes recordings in place of the bundled ones. --fleet adds the rows fleet-N, from the
              profiles of Google's services in fleetbench (git clone https://github.com/google/fleetbench).
              --short-chart draws a dozen bars: means, and rows that are known from elsewhere.
          compare --from FILE [--markdown FILE] [--chart FILE.svg] [--short-chart FILE.svg]
              Reports and draws an earlier run once more, from what its --json has written.
          traced [--workloads a,b,..] [--allocators a,b,..] [--rounds N] [--json FILE] [--chart FILE.svg]
              Programs that make garbage, with traced memory (spanheap), also with minor collections
              (spanheap-generational), with scopes that free (spanheap-scopes) and with concurrent marking
              (spanheap-concurrent), .NET's collector (dotnet-gc), Boehm's (boehm, in libgc1) and Go's (go,
              built here), the last two on trees only:
              binary-trees-18, binary-trees-20, gcbench, list-10m, graph-rewiring, list-values-10m,
              dictionary-10m, dictionary-counted-10m, lru-2m. And parts of traced memory by themselves:
              sweep-dead-1k, -100k, -10m, -100m, sweep-span, alloc-16.
          traced latency [--allocators a,b,..] [--threads N] [--live-mib N] [--seconds N] [--json FILE]
                         [--chart FILE.svg]
              How long single operations take beside a collector at work: threads (2) with a cache each
              (1024 MiB together), timed for 20 s; the chart shows pauses and slow operations over time.
              With spanheap, also with concurrent marking (spanheap-concurrent), .NET's collector as it
              comes (dotnet-gc), not concurrent (dotnet-gc-blocking) and with SustainedLowLatency
              (dotnet-gc-low-latency), and go.
          c-baseline [FILE...] [--workloads a,b,..] [--allocators a,b,..] [--peer NAME=PATH]... [--rounds N]
                     [--json FILE]
              The same loops and traces in a C program, built here with gcc, with each C allocator preloaded,
              beside SpanHeap called from C#.
          guard [--pairs N] [--live N] [--budget-mib N] [--rounds N] [--json FILE]
              What guarding costs and survives: N guarded pairs of Alloc and Free (5 million), with memory and
              mappings at each tenth; N guarded blocks alive at once (a million, some 4 GiB; 0 for none); and
              what a sample costs a replay and a program that does something with its memory.
          micro [BenchmarkDotNet arguments]
              Single operations, e.g. micro --filter '*PlainPair*' --job short
          endurance [SCENARIO...] [--allocators a,b,..] [--blocks N] [--rounds N]
              Memory over time: churn, idle, idle-threads, idle-crossed, owners, pipe.
          fastpath
              The machine code of an Alloc and a Free that hit, and a count of its instructions.
          instructions [--workloads a,b,..] [--allocators a,b,..] [--cache] [--baseline FILE] [--json FILE]
                       [--counter FILE]
              Instructions that a pair of an Alloc and a Free takes, counted with valgrind, the same each time.
              --cache counts misses of data too. --baseline compares with a file that --json has written, and
              ends with code 1 when SpanHeap takes 2 % more in a row. Workloads may be patterns: pair-64,
              batch-100, batch-1000, batch-10000, random, medium, zeroed-64, zeroed-1024, aligned-64,
              hand-over, growth, and trace:NAME for each bundled trace. --counter gives a program that was
              published before (perf/Instructions/Counter, with NativeAOT); without it, it is published here.
          guard decode FILE ADDRESS
              What is known of the guarded block at an address, as a report gives it (hexadecimal), from a file
              that a process has left: its dump, or its Guard.RecordFile.
          help

        Allocators: spanheap, spanheap-local (the hoisted handle), system (NativeMemory),
                    mimalloc, jemalloc, tcmalloc (where the shared library is installed;
                    perf/install-peers installs them on Debian). Compare also knows dotnet-gc
                    (new byte[n]), arraypool, and limit, the cheapest correct stack of addresses.
                    --peer NAME=PATH, any number of times, adds the shared library of another one: it has
                    malloc, calloc, realloc and free, by these names or with a prefix (mi_, je_, tc_, rp, ..).
        Without a command: replay of the bundled traces, spanheap beside system.
        """;
}
