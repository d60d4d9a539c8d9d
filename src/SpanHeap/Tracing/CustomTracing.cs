using System.Runtime.CompilerServices;
using SpanHeap.Spans;

namespace SpanHeap.Tracing;

/// <summary>What a trace function named.</summary>
/// <param name="Block">A block, or nothing, or what the function took for one.</param>
/// <param name="IsInterior">Whether it was found by an address inside it, which may be one by chance.</param>
internal readonly record struct CustomPointer(nint Block, bool IsInterior);

/// <summary>Calls the trace functions of custom layouts.</summary>
internal static unsafe class CustomTracing
{
    [ThreadStatic]
    private static bool t_isRunning;

    /// <summary>
    /// Whether the calling thread is in a trace function, of whatever heap: two heaps whose functions enter each other's scopes would
    /// wait for each other just as one would for itself.
    /// </summary>
    public static bool IsRunning => t_isRunning;

    /// <summary>Lets the program's function look into a block.</summary>
    /// <exception cref="InvalidOperationException">The function threw, which is the inner exception.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Run(Marker marker, nint block, nint function, uint allocPlane)
    {
        ArenaDescriptor* arena = ArenaHeader.Descriptor(ArenaHeader.ArenaOf(block));
        Call(block, function, new TraceContext(marker, arena->HeapSerial, allocPlane, arena->IsChecked));
    }

    /// <summary>The same for who only wants to know what the function names.</summary>
    /// <exception cref="InvalidOperationException">The function threw, which is the inner exception.</exception>
    public static List<CustomPointer> Find(nint block, nint function, uint allocPlane)
    {
        List<CustomPointer> found = [];
        ulong heapSerial = ArenaHeader.Descriptor(ArenaHeader.ArenaOf(block))->HeapSerial;
        Call(block, function, new TraceContext(found, heapSerial, allocPlane));
        return found;
    }

    private static void Call(nint block, nint function, TraceContext context)
    {
        // A function may verify the heap, which calls it again.
        bool outer = t_isRunning;
        t_isRunning = true;
        try
        {
            ((delegate*<nint, TraceContext, void>)function)(block, context);
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException(
                $"The trace function of a custom layout threw at the block 0x{block:x}; the collection is abandoned: {failure.Message}", failure);
        }
        finally
        {
            t_isRunning = outer;
        }
    }
}
