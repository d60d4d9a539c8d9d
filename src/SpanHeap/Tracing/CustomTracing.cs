using System.Runtime.CompilerServices;
using SpanHeap.Spans;

namespace SpanHeap.Tracing;

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
        Run(block, function, arena->HeapSerial, new TraceContext(marker, arena->HeapSerial, allocPlane, arena->IsChecked));
    }

    /// <summary>The same for who only looks.</summary>
    /// <exception cref="InvalidOperationException">The function threw, which is the inner exception.</exception>
    public static void Run(Action<nint> inspector, nint block, nint function)
    {
        ulong heapSerial = ArenaHeader.Descriptor(ArenaHeader.ArenaOf(block))->HeapSerial;
        Run(block, function, heapSerial, new TraceContext(inspector, heapSerial));
    }

    private static void Run(nint block, nint function, ulong heapSerial, TraceContext context)
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
