using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// The progress of a thread that visits all spans of a bin, from the tail to the head, and releases the cache's lock now and then. The bin knows
/// its walks. So of the spans that were listed at the beginning, those that stay are visited once, and those that leave and come back are visited at
/// most once.
/// </summary>
/// <remarks>
/// All fields are guarded by the cache's lock. A walk lies on the stack of the thread that walks, and the bin must not refer to it after that
/// thread returns. So a walk ends when it has visited all spans, when <see cref="End"/> is called, or when the heap is disposed, whose caches forget
/// everything.
/// </remarks>
internal unsafe struct ScavengeWalk
{
    /// <summary>The number of spans that are visited before the cache's lock is released.</summary>
    public const int SpansPerStep = 64;

    // The next walk of the bin.
    private ScavengeWalk* _other;

    private ClassBin* _bin;

    // The span to visit next; null when all have been visited.
    private Span* _next;

    // The span to visit last: spans listed before it came later.
    private Span* _last;

    /// <summary>Whether memory that was given back earlier counts as resident again.</summary>
    public bool IsAfresh;

    /// <summary>Whether there are spans left to visit.</summary>
    public readonly bool IsOn => _next != null;

    /// <summary>Gets the address of a walk that lies in a ref struct, which is on the stack, where nothing moves.</summary>
    public static ScavengeWalk* AddressOf(ref ScavengeWalk walk) => (ScavengeWalk*)Unsafe.AsPointer(ref walk);

    /// <summary>Begins at a bin's tail. A bin without spans has no walk.</summary>
    public static void Begin(ScavengeWalk* walk, ClassBin* bin)
    {
        Invariant.Assert(walk->_next == null, "The previous walk must be over.");
        *walk = default;
        if (bin->Tail != null)
        {
            *walk = new ScavengeWalk { _other = bin->Walks, _bin = bin, _next = bin->Tail, _last = bin->Head };
            bin->Walks = walk;
        }
    }

    /// <summary>Gets the next span. The walk must be on; after the last span it is over.</summary>
    public static Span* Advance(ScavengeWalk* walk)
    {
        Span* span = walk->_next;
        Invariant.Assert(span != null && span->Listed, "The walk is on, at a span of the list.");
        walk->_next = span == walk->_last ? null : span->Previous;
        if (walk->_next == null)
        {
            End(walk);
        }

        return span;
    }

    /// <summary>Ends a walk before it has visited all spans. Those that are left remain to be visited.</summary>
    public static void Abandon(ScavengeWalk* walk)
    {
        if (walk->IsOn)
        {
            walk->_bin->EndSettling();
            End(walk);
        }
    }

    /// <summary>Ends a walk before it has visited all spans, or does nothing if it is over.</summary>
    public static void End(ScavengeWalk* walk)
    {
        walk->_next = null;
        ClassBin* bin = walk->_bin;
        if (bin == null)
        {
            return;
        }

        ScavengeWalk** link = &bin->Walks;
        while (*link != walk && *link != null)
        {
            link = &(*link)->_other;
        }

        *link = walk->_other;
        walk->_bin = null;
    }

    /// <summary>Notes that a span is about to leave the list.</summary>
    public static void NoteLeaving(ScavengeWalk* walks, Span* span)
    {
        for (ScavengeWalk* walk = walks; walk != null;)
        {
            ScavengeWalk* other = walk->_other;
            if (span == walk->_next)
            {
                Advance(walk);
            }
            else if (span == walk->_last)
            {
                walk->_last = span->Next;
            }

            walk = other;
        }
    }
}
