using System.Diagnostics;
using System.Runtime.CompilerServices;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// How far somebody has come who looks at all spans of a shelf, from the tail to the head, with the cache's lock released now and then. The
/// shelf knows its walks, so that of the spans that were listed at the beginning those that stay are looked at once, and those that leave and
/// come back once at most.
/// </summary>
/// <remarks>
/// All fields are guarded by the cache's lock. A walk lies on the stack of the thread that walks, and the shelf must not refer to it any
/// more when that thread leaves: a walk ends when it has seen all spans, by <see cref="End"/>, or when the heap is disposed, whose
/// caches forget everything.
/// </remarks>
internal unsafe struct ScavengeWalk
{
    // The shelf's next walk.
    private ScavengeWalk* _other;

    private ClassShelf* _shelf;

    // The span to be looked at next; null when all have been.
    private Span* _next;

    // The one to be looked at last: what is listed before it came later.
    private Span* _last;

    /// <summary>Whether what was given back before counts as resident again.</summary>
    public bool IsAfresh;

    /// <summary>Whether there are spans left to look at.</summary>
    public readonly bool IsOn => _next != null;

    /// <summary>The address of a walk that lies in a ref struct: it is on the stack, where nothing moves.</summary>
    public static ScavengeWalk* AddressOf(ref ScavengeWalk walk) => (ScavengeWalk*)Unsafe.AsPointer(ref walk);

    /// <summary>Begins at a shelf's tail. A shelf without spans has no walk.</summary>
    public static void Begin(ScavengeWalk* walk, ClassShelf* shelf)
    {
        Debug.Assert(walk->_next == null, "The walk before must be over.");
        *walk = default;
        if (shelf->Tail != null)
        {
            *walk = new ScavengeWalk { _other = shelf->Walks, _shelf = shelf, _next = shelf->Tail, _last = shelf->Head };
            shelf->Walks = walk;
        }
    }

    /// <summary>The next span; the walk must be on. After the last one the walk is over.</summary>
    public static Span* Advance(ScavengeWalk* walk)
    {
        Span* span = walk->_next;
        walk->_next = span == walk->_last ? null : span->Previous;
        if (walk->_next == null)
        {
            End(walk);
        }

        return span;
    }

    /// <summary>Ends a walk before it has seen all spans: those that are left are still to be looked at.</summary>
    public static void Abandon(ScavengeWalk* walk)
    {
        if (walk->IsOn)
        {
            walk->_shelf->EndSettling();
            End(walk);
        }
    }

    /// <summary>Ends a walk before it has seen all spans, or does nothing.</summary>
    public static void End(ScavengeWalk* walk)
    {
        walk->_next = null;
        ClassShelf* shelf = walk->_shelf;
        if (shelf == null)
        {
            return;
        }

        ScavengeWalk** link = &shelf->Walks;
        while (*link != walk && *link != null)
        {
            link = &(*link)->_other;
        }

        *link = walk->_other;
        walk->_shelf = null;
    }

    /// <summary>Takes note that a span is about to leave the list.</summary>
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
