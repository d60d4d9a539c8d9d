namespace SpanHeap.Perf.CommandLine;

/// <summary>What <c>perf -- help</c> prints.</summary>
internal static class Usage
{
    public const string Text = """
        dotnet run -c Release --project perf [-- COMMAND]

          replay [FILE...] [--allocators a,b,..] [--rounds N] [--json FILE]
              Replays allocation traces of real programs, by default the bundled ones. FILE is a raw
              recording of heaptrack ('heaptrack --raw PROGRAM'): plain, gzip or zstd.
          compare [--workloads a,b,..] [--allocators a,b,..] [--threads 1,2] [--rounds N]
                  [--traces DIRECTORY-OR-FILES] [--json FILE] [--markdown FILE] [--chart FILE.svg]
              Every workload with every allocator, and how far each is from the best C allocator. Names of
              workloads may be patterns ('pair*', 'trace:*'); a wrong one is answered with all names.
              --traces takes recordings in place of the bundled ones.
          traced [--workloads a,b,..] [--allocators a,b,..] [--rounds N] [--json FILE] [--chart FILE.svg]
              Programs that make garbage, with traced memory (spanheap), .NET's collector (dotnet-gc), Boehm's
              (boehm, in libgc1) and Go's (go, built here), the last two on trees only: binary-trees-18,
              binary-trees-20, gcbench, list-10m, graph-rewiring, list-values-10m, dictionary-10m,
              dictionary-counted-10m, lru-2m. And parts of traced memory by themselves: sweep-dead-1k,
              -100k, -10m, -100m, sweep-span, alloc-16.
          c-baseline [FILE...] [--workloads a,b,..] [--allocators a,b,..] [--rounds N] [--json FILE]
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
          guard decode FILE ADDRESS
              What is known of the guarded block at an address, as a report gives it (hexadecimal), from a file
              that a process has left: its dump, or its GuardRecordFile.
          help

        Allocators: spanheap, spanheap-local (the hoisted handle), system (NativeMemory),
                    mimalloc, jemalloc, tcmalloc (where the shared library is installed;
                    perf/install-peers installs them on Debian). Compare also knows dotnet-gc
                    (new byte[n]), arraypool, and limit, the cheapest correct stack of addresses.
        Without a command: replay of the bundled traces, spanheap beside system.
        """;

    public static int Print()
    {
        Console.WriteLine(Text);
        return 0;
    }
}
