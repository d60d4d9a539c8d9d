using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Os;

/// <summary>Arenas come from whatever malloc the process has: nothing may depend on its being glibc's.</summary>
public sealed class PreloadTests
{
    private const string Variable = "SPANHEAP_TEST_PRELOADED";
    private const string Mimalloc = "libmimalloc.so.2";
    private const string Tcmalloc = "libtcmalloc_minimal.so.4";
    private const string Jemalloc = "libjemalloc.so.2";

    [PreloadFact(Mimalloc)]
    public void The_heap_works_over_mimalloc() => RunOver(Mimalloc);

    [PreloadFact(Tcmalloc)]
    public void The_heap_works_over_tcmalloc() => RunOver(Tcmalloc);

    [PreloadFact(Jemalloc)]
    public void The_heap_works_over_jemalloc() => RunOver(Jemalloc);

    private static void RunOver(string library)
    {
        ChildProgram.Result result = ChildProgram.Run(CheckPreloaded, ("LD_PRELOAD", PreloadFactAttribute.Find(library)!), (Variable, library));

        Assert.True(result.ExitCode == 0, $"exit code {result.ExitCode}: {result.Error}");
        Assert.Contains(SelfCheck.Passed, result.Output, StringComparison.Ordinal);
    }

    private static void CheckPreloaded()
    {
        string library = Environment.GetEnvironmentVariable(Variable)!;
        Assert.Contains(File.ReadLines("/proc/self/maps"), line => line.Contains(library, StringComparison.Ordinal));
        SelfCheck.Run();
    }
}
