using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using SpanHeap.Os;
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
            // The thread is in the scope by now: an interrupt would leave it open.
            Uninterrupted.Do((_stacks, Cache: (nint)cache, Stack: Environment.StackTrace), static entry => entry._stacks[entry.Cache] = entry.Stack);
        }
    }

    public bool TryGet(nint cache, [MaybeNullWhen(false)] out string stack) => _stacks.TryGetValue(cache, out stack);
}
