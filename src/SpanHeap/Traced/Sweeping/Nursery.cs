using System.Numerics;
using SpanHeap.Os;
using SpanHeap.Spans;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Sweeping;

/// <summary>
/// The spans in which a thread's scopes make blocks that are freed when the outermost scope ends, unless a reference to one has escaped: was stored outside
/// of these spans (<see cref="EscapeWatch"/>). So what only a scope needs is never marked and never swept, and its slots are still in the processor's cache
/// when they are used again.
/// </summary>
/// <remarks>
/// <para>
/// A nursery belongs to a cache. All of its spans were fresh when they came in, so all of their blocks were made by scopes that have ended or are open. For
/// each span class they are a chain, by <see cref="Span.Next"/> and <see cref="Span.Previous"/>: those before the cursor's have no free slot, those after
/// it no block. Each cursor with a chain is in a list of the cache's.
/// </para>
/// <para>
/// A nursery becomes active when an outermost scope begins, so that all blocks of the scope are made there. When one has escaped, or while the heap is marked,
/// the spans leave the nursery at the end of the scope at the latest, and are spans like all others. The thread then makes its blocks elsewhere, for longer
/// each time.
/// </para>
/// </remarks>
/// <param name="spans">Makes spans.</param>
/// <param name="cached">Takes spans back.</param>
/// <param name="color">Says whether the heap is being marked.</param>
/// <param name="isWanted">Whether the heap has nurseries at all.</param>
/// <param name="mostBytes">
/// The bytes after which a nursery is given up in the middle of a scope, so that the heap, and the watchdog of scopes, know of them, and no end of a scope takes
/// long.
/// </param>
internal sealed unsafe class Nursery(TracedSpanSource spans, CachedSpans cached, AllocationColor color, bool isWanted, long mostBytes)
{
    // The pages of spans without blocks that a cache keeps when its nursery has been emptied, beside the first span of each chain.
    private const int MostPagesKept = 32;

    // A program whose blocks escape pays for the attempts: one in so many spans at last.
    private const int LongestRest = 1024;

    /// <summary>Whether a thread makes blocks elsewhere for a while after one has escaped. Set to false by tests, which want to see many attempts.</summary>
    public bool IsCautious { get; set; } = true;

    // Blocks that are made while the heap is marked live until the next collection. Where the program says what lives or where references are, no store tells
    // what has escaped.
    private bool IsOn => isWanted && !color.IsBlack && !spans.NeedExactBits;

    /// <summary>
    /// Whether a cache should give back what it holds, so that a nursery can begin. Not while the heap is marked: slots that caches hold are marked then.
    /// </summary>
    public bool MayBegin(TracedCache* cache) => cache->Nursery.IsDue && IsOn;

    /// <summary>
    /// Lets the scope that begins make its blocks in a nursery, unless it is too early for that. The cache's cursors have no spans: a block that the scope made
    /// elsewhere might be where a reference to one in the nursery is stored.
    /// </summary>
    public void Begin(TracedCache* cache)
    {
        cache->Nursery.IsDue = false;
        cache->Nursery.IsActive = IsOn && cache->Nursery.Rest == 0;
    }

    /// <summary>
    /// Gives a cursor whose span has no free slot, or that has none, the next span of its cache's nursery. The caller is in a scope of the cache's thread.
    /// </summary>
    /// <returns>False if the block is to be made elsewhere. The cursor's span is not in the nursery then.</returns>
    public bool TryAdvance(TracedCache* cache, uint spanClass, uint generation)
    {
        if (!isWanted || IsForOthers(spanClass))
        {
            return false;
        }

        ref NurseryState state = ref cache->Nursery;
        if (!state.IsActive)
        {
            state.IsDue = state.Rest == 0 && IsOn;
            state.Rest -= state.Rest > 0 ? 1 : 0;
            return false;
        }

        if (!IsOn || state.Escaped != 0 || state.Bytes > mostBytes || !TryExtend(cache, spanClass, generation))
        {
            Leave(cache, generation);
            return false;
        }

        return true;
    }

    /// <summary>Takes a new large block into a cache's nursery. The caller is in a scope of the cache's thread.</summary>
    /// <returns>False if the block is like all others.</returns>
    public bool TryTakeLarge(TracedCache* cache, TracedSpan* span, uint generation)
    {
        ref NurseryState state = ref cache->Nursery;
        if (!state.IsActive || state.Escaped != 0 || state.Bytes > mostBytes || !IsOn || IsForOthers(span->SpanClass))
        {
            return false;
        }

        Volatile.Write(ref span->SweepGen, SweepGeneration.Cached(generation));
        span->Nursery = &cache->Nursery.Escaped;
        span->Span.Next = (Span*)state.Large;
        state.Large = span;
        state.Bytes += (long)span->Span.SlotSize;
        state.IsUsed = true;
        return true;
    }

    /// <summary>
    /// Frees all blocks of a cache's nursery, unless one has escaped. The outermost scope of the cache's thread is about to end.
    /// </summary>
    public void EndScope(TracedCache* cache)
    {
        ref NurseryState state = ref cache->Nursery;
        uint generation = cache->Generation;
        if (state.Escaped != 0 || !IsOn)
        {
            Leave(cache, generation);
            return;
        }

        state.IsUsed = false;
        state.NextRest = 1;
        while (state.Large != null)
        {
            ReleaseLarge(cache, generation);
        }

        int pagesKept = 0;
        for (uint spanClass = state.First; spanClass != 0;)
        {
            AllocCursor* cursor = TracedCache.Cursor(cache, spanClass);
            Empty(cache, cursor, generation, ref pagesKept);
            spanClass = cursor->NextInNursery;
        }
    }

    /// <summary>
    /// Makes the spans of a cache's nursery, if it has one, spans like all others: they are given to their sets, but for those of cursors, or swept. The cache
    /// belongs to the caller.
    /// </summary>
    public void Leave(TracedCache* cache, uint generation)
    {
        ref NurseryState state = ref cache->Nursery;
        if (state.Escaped != 0 || state.Bytes > mostBytes)
        {
            Postpone(ref state);
        }

        // First, so that what throws leaves nothing half taken.
        uint first = state.First;
        TracedSpan* large = state.Large;
        cache->BytesTaken += state.Bytes;
        state.Bytes = 0;
        state.First = 0;
        state.Large = null;
        state.IsActive = state.IsUsed = false;
        state.Escaped = 0;
        while (first != 0)
        {
            AllocCursor* cursor = TracedCache.Cursor(cache, first);
            first = cursor->NextInNursery;
            cursor->NextInNursery = 0;
            LeaveChain(cursor->Span, generation);
        }

        while (large != null)
        {
            cached.Take(TakeFirst(ref large), generation);
        }
    }

    /// <summary>The first span of the chain that a span of a nursery is in.</summary>
    public static TracedSpan* FirstOf(TracedSpan* span)
    {
        while (span->Span.Previous != null)
        {
            span = (TracedSpan*)span->Span.Previous;
        }

        return span;
    }

    // Blocks whose references are not found by the markers themselves, and those that live as long as the program says.
    private static bool IsForOthers(uint spanClass) => SpanClasses.Info(spanClass)->Form is TracedForm.Collectable or TracedForm.Custom;

    // Moves a cursor to the next span of its chain, which is made if there is none. Without memory for it, the nursery is not tried again soon.
    private bool TryExtend(TracedCache* cache, uint spanClass, uint generation)
    {
        AllocCursor* cursor = TracedCache.Cursor(cache, spanClass);
        TracedSpan* current = cursor->Span;
        bool isIn = current != null && current->Nursery != null;
        TracedSpan* next = isIn ? (TracedSpan*)current->Span.Next : null;
        if (next == null && (next = TryMake(spanClass, generation)) == null)
        {
            Postpone(ref cache->Nursery);
            return false;
        }

        next->Nursery = &cache->Nursery.Escaped;
        if (isIn)
        {
            current->Span.Next = (Span*)next;
            next->Span.Previous = (Span*)current;
        }
        else
        {
            Invariant.Assert(current == null, "When a nursery becomes active, no cursor has a span.");
            cursor->NextInNursery = (ushort)cache->Nursery.First;
            cache->Nursery.First = spanClass;
        }

        cursor->Span = next;
        cursor->NextWord = 0;
        return true;
    }

    // Another thread may take the pages of an arena that this one has added.
    private TracedSpan* TryMake(uint spanClass, uint generation)
    {
        TracedSpan* span;
        PageRefusal refusal;
        do
        {
            span = spans.TryCreate(spanClass, 0, SweepGeneration.Cached(generation), guarded: false, out _, out refusal);
        }
        while (refusal == PageRefusal.NoRun && spans.TryGrow(SizeClasses.Info(SpanClasses.Info(spanClass)->SizeClass).Pages));
        return span;
    }

    private void Postpone(ref NurseryState state)
    {
        state.NextRest = Math.Clamp(state.NextRest * 2, 1, LongestRest);
        state.Rest = IsCautious ? state.NextRest : 0;
    }

    // All slots of the first word are taken at once, so that short scopes seldom come to a slow path.
    private void Empty(TracedCache* cache, AllocCursor* cursor, uint generation, ref int pagesKept)
    {
        uint bitmap = SweepGeneration.AllocBitmap(generation);
        long slots = 0;
        TracedSpan* first = cursor->Span;
        while (true)
        {
            TracedSlots.Clear(first, bitmap);
            slots += first->Allocated;
            first->Allocated = 0;
            if (first->Span.Previous == null)
            {
                break;
            }

            first = (TracedSpan*)first->Span.Previous;
        }

        ulong word = TracedSlots.Starts(first, 0);
        *TracedSlots.Word(first, 0, bitmap) = word;
        first->Allocated = BitOperations.PopCount(word);
        InterleavingPoints.At(InterleavingPoint.NurseryEmptying);
        cursor->Span = first;
        cursor->Base = TracedSlots.AddressOf(first, 0);
        cursor->Free = word;
        cursor->NextWord = 1;
        NoteFreed(ref cache->Nursery, (slots - first->Allocated) * (long)first->Span.SlotSize);
        ReleaseAfter(first, ref pagesKept);
    }

    // Spans that few scopes need are not kept.
    private void ReleaseAfter(TracedSpan* last, ref int pagesKept)
    {
        TracedSpan* next;
        while ((next = (TracedSpan*)last->Span.Next) != null && pagesKept + next->Span.Pages <= MostPagesKept)
        {
            pagesKept += next->Span.Pages;
            last = next;
        }

        last->Span.Next = null;
        while (next != null)
        {
            TracedSpan* released = next;
            next = (TracedSpan*)released->Span.Next;
            spans.Release(Detach(released));
        }
    }

    private void ReleaseLarge(TracedCache* cache, uint generation)
    {
        TracedSpan* span = TakeFirst(ref cache->Nursery.Large);
        TracedSlots.Clear(span, SweepGeneration.AllocBitmap(generation));
        span->Allocated = 0;
        NoteFreed(ref cache->Nursery, (long)span->Span.SlotSize);
        spans.Release(span);
    }

    private static TracedSpan* TakeFirst(ref TracedSpan* list)
    {
        TracedSpan* span = list;
        list = (TracedSpan*)span->Span.Next;
        return Detach(span);
    }

    private static void NoteFreed(ref NurseryState state, long bytes)
    {
        state.Bytes -= bytes;
        Volatile.Write(ref state.BytesFreed, state.BytesFreed + bytes);
    }

    private void LeaveChain(TracedSpan* current, uint generation)
    {
        TracedSpan* span = FirstOf(current);
        while (span != null)
        {
            TracedSpan* left = span;
            span = (TracedSpan*)left->Span.Next;
            Detach(left);
            if (left != current)
            {
                cached.Take(left, generation);
            }
        }
    }

    private static TracedSpan* Detach(TracedSpan* span)
    {
        span->Nursery = null;
        span->Span.Next = span->Span.Previous = null;
        return span;
    }
}
