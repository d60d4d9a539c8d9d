using System.Diagnostics.CodeAnalysis;
using SpanHeap.Guard.Records;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Gating;

/// <summary>With full checks, records where each thread entered its outermost scope, to explain why it does not end.</summary>
/// <remarks>Each stack is kept only once, however many scopes are entered there: noting a known one takes about a microsecond.</remarks>
internal sealed unsafe class EntryStacks(bool enabled)
{
    /// <summary>Notes where the calling thread has entered.</summary>
    public void Note(TracedCache* cache)
    {
        if (enabled)
        {
            cache->EnteredAt = Environment.TickCount64;
            Volatile.Write(ref cache->EntryStack, StackDepot.Capture());
        }
    }

    /// <summary>Gets where a thread entered its outermost scope, or the last one that it had; false if that is not known.</summary>
    public bool TryGet(TracedCache* cache, [MaybeNullWhen(false)] out string stack)
    {
        stack = StackDepot.Describe(Volatile.Read(ref cache->EntryStack));
        return stack != null;
    }
}
