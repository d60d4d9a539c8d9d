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
    // The heap whose block a function of the program's is looking at on this thread; 0 when none is.
    [ThreadStatic]
    private static ulong t_heapSerial;

    /// <summary>Whether the calling thread is in a trace function, while a heap is being collected.</summary>
    public static bool IsOf(ulong heapSerial) => t_heapSerial == heapSerial;

    /// <summary>Lets the program's function look into a block.</summary>
    /// <exception cref="InvalidOperationException">The function threw, which is the inner exception.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Run(Marker marker, nint block, nint function, uint allocPlane)
    {
        ArenaDescriptor* arena = ArenaHeader.Descriptor(ArenaHeader.ArenaOf(block));
        Call(block, function, arena->HeapSerial, new TraceContext(marker, arena->HeapSerial, allocPlane, arena->IsChecked));
    }

    /// <summary>The same for who only wants to know what the function names.</summary>
    /// <exception cref="InvalidOperationException">The function threw, which is the inner exception.</exception>
    public static List<CustomPointer> Find(nint block, nint function, uint allocPlane)
    {
        List<CustomPointer> found = [];
        ulong heapSerial = ArenaHeader.Descriptor(ArenaHeader.ArenaOf(block))->HeapSerial;
        Call(block, function, heapSerial, new TraceContext(found, heapSerial, allocPlane));
        return found;
    }

    private static void Call(nint block, nint function, ulong heapSerial, TraceContext context)
    {
        t_heapSerial = heapSerial;
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
            t_heapSerial = 0;
        }
    }
}
