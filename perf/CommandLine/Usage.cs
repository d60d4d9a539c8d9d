namespace SpanHeap.Perf.CommandLine;

/// <summary>What <c>perf -- help</c> prints.</summary>
internal static class Usage
{
    public const string Text = """
        dotnet run -c Release --project perf [-- COMMAND]

          replay [FILE...] [--allocators a,b,..] [--rounds N] [--json FILE]
              Replays allocation traces of real programs, by default the bundled ones. FILE is a raw
              recording of heaptrack ('heaptrack --raw PROGRAM'): plain, gzip or zstd.
          micro [BenchmarkDotNet arguments]
              Single operations, e.g. micro --filter '*PlainPair*' --job short
          endurance [SCENARIO...] [--allocators a,b,..] [--blocks N] [--rounds N]
              Memory over time: churn, idle, idle-threads, idle-crossed, owners, pipe.
          fastpath
              The machine code of an Alloc and a Free that hit, and a count of its instructions.
          help

        Allocators: spanheap, spanheap-local (the hoisted handle), system (NativeMemory),
                    mimalloc, jemalloc, tcmalloc (where the shared library is installed).
        Without a command: replay of the bundled traces, spanheap beside system.
        """;

    public static int Print()
    {
        Console.WriteLine(Text);
        return 0;
    }
}
