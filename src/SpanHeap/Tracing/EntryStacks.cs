using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using SpanHeap.Sweeping;

namespace SpanHeap.Tracing;

/// <summary>With full checks: where each thread entered its outermost scope, for who wonders why it does not end.</summary>
internal sealed unsafe class EntryStacks(bool enabled)
{
    private readonly ConcurrentDictionary<nint, string> _stacks = new();

    /// <summary>The calling thread has entered.</summary>
    public void Note(TracedCache* cache)
    {
        if (enabled)
        {
            cache->EnteredAt = Environment.TickCount64;
            _stacks[(nint)cache] = Environment.StackTrace;
        }
    }

    public bool TryGet(nint cache, [MaybeNullWhen(false)] out string stack) => _stacks.TryGetValue(cache, out stack);
}
