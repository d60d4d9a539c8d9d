using System.Diagnostics.CodeAnalysis;
using SpanHeap.Guarding;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>With full checks: where each thread entered its outermost scope, for anyone who wonders why it does not end.</summary>
/// <remarks>A stack is kept once, however many scopes are entered there: noting one that is known takes about a microsecond.</remarks>
internal sealed unsafe class EntryStacks(bool enabled)
{
    /// <summary>The calling thread has entered.</summary>
    public void Note(TracedCache* cache)
    {
        if (enabled)
        {
            cache->EnteredAt = Environment.TickCount64;
            Volatile.Write(ref cache->EntryStack, StackDepot.Capture());
        }
    }

    /// <summary>Where a thread entered its outermost scope, or the last one that it had; false where that is not known.</summary>
    public bool TryGet(TracedCache* cache, [MaybeNullWhen(false)] out string stack)
    {
        stack = StackDepot.Describe(Volatile.Read(ref cache->EntryStack));
        return stack != null;
    }
}
