using System.Runtime.CompilerServices;
using SpanHeap.Spans;

namespace SpanHeap.Traced.Marking;

/// <summary>What a trace function named.</summary>
/// <param name="Block">A block, nothing, or what the function took for a block.</param>
/// <param name="IsInterior">Whether it was found by an address inside it, which may be a number that is equal to one by chance.</param>
internal readonly record struct CustomPointer(nint Block, bool IsInterior);

/// <summary>Calls the trace functions of custom layouts.</summary>
internal static unsafe class CustomTracing
{
    [ThreadStatic]
    private static bool t_isRunning;

    /// <summary>
    /// Whether the calling thread is in a trace function of any heap: two heaps whose functions enter each other's scopes would wait for each
    /// other, just as one heap would wait for itself.
    /// </summary>
    public static bool IsRunning => t_isRunning;

    /// <summary>Lets the program's function look into a block.</summary>
    /// <exception cref="InvalidOperationException">The function threw; its exception is the inner one.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Run(Marker marker, nint block, nint function, uint allocBitmap)
    {
        ArenaDescriptor* arena = ArenaHeader.Descriptor(ArenaHeader.ArenaOf(block));
        Call(block, function, new TracedVisitor(marker, arena->HeapSerial, allocBitmap, arena->IsChecked));
    }

    /// <summary>Calls the program's function only to learn what it names.</summary>
    /// <exception cref="InvalidOperationException">The function threw; its exception is the inner one.</exception>
    public static List<CustomPointer> Find(nint block, nint function, uint allocBitmap)
    {
        List<CustomPointer> found = [];
        ulong heapSerial = ArenaHeader.Descriptor(ArenaHeader.ArenaOf(block))->HeapSerial;
        Call(block, function, new TracedVisitor(found, heapSerial, allocBitmap));
        return found;
    }

    private static void Call(nint block, nint function, TracedVisitor context)
    {
        // A function may verify the heap, which calls it again.
        bool outer = t_isRunning;
        t_isRunning = true;
        try
        {
            ((delegate*<nint, TracedVisitor, void>)function)(block, context);
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
