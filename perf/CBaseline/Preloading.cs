using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.CBaseline;

/// <summary>How a C program is given another allocator than the platform's.</summary>
internal static class Preloading
{
    public const string Variable = "LD_PRELOAD";

    /// <summary>Also for the platform's own: this program may have been started with one preloaded.</summary>
    public static string ValueFor(AllocatorEntry allocator) => allocator.Library ?? "";

    /// <param name="allocator">What was preloaded.</param>
    /// <param name="malloc">The file from which the C program says that it has malloc.</param>
    /// <exception cref="WorkerException">It has it from elsewhere. The loader warns and goes on without a library that it does not find.</exception>
    public static void Check(AllocatorEntry allocator, string malloc)
    {
        if (allocator.Library is { } library && !Path.GetFileName(malloc).StartsWith(Path.GetFileName(library), StringComparison.Ordinal))
        {
            throw new WorkerException($"{library} was preloaded, but malloc comes from {malloc}.");
        }
    }
}
