using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using SpanHeap.Layouts;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Tracing;

/// <summary>
/// Marks what can be reached: takes a marked block, looks at its pointers, marks what they point to. No recursion, so that depth costs
/// memory of the queue and no stack.
/// </summary>
/// <remarks>
/// One thread's. All threads are out of the heap meanwhile, so blocks do not change and none are made; other markers set bits in the
/// same words, by interlocked steps.
/// </remarks>
internal sealed unsafe class Marker(MarkQueue queue, uint plane, bool shared)
{
    // Pointers whose mark words and blocks are on their way from memory while others are looked at.
    private const int AheadCount = 8;

    // Elements of an array looked at in one go: the rest waits in the queue, for whoever takes it.
    private const long ElementsPerStep = 4096;

    // How often is looked whether another marker has nothing to do.
    private const uint TurnsBetweenSharing = 64;

    // The lowest bit of an entry that is followed by how far an array has been looked at.
    private const nint ContinuationBit = 1;

    private readonly nint[] _ahead = GC.AllocateArray<nint>(AheadCount, pinned: true);
    private int _aheadAt;
    private MarkChunk* _chunk;

    /// <summary>Bytes of slots marked.</summary>
    public long BytesMarked { get; private set; }

    /// <summary>Whether a block was marked that there was no memory to remember: all marked blocks have to be looked into again.</summary>
    public bool Overflowed { get; private set; }

    /// <summary>Takes a pointer to a block, or null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Visit(nint block)
    {
        if (block == 0)
        {
            return;
        }

        if (Sse.IsSupported)
        {
            Sse.Prefetch0(TracedBits.WordOf(block, plane));
            Sse.Prefetch0((void*)block);
        }

        ref nint place = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_ahead), _aheadAt++ & (AheadCount - 1));
        nint next = place;
        place = block;
        if (next != 0)
        {
            Mark(next);
        }
    }

    /// <summary>Looks into what is marked until nothing is left anywhere.</summary>
    public void Drain()
    {
        while (true)
        {
            for (uint turn = 1; TryPop(out nint block); turn++)
            {
                Scan(block);
                if (turn % TurnsBetweenSharing == 0)
                {
                    Share();
                }
            }

            if (!FlushAhead() && !TryTakeChunk())
            {
                return;
            }
        }
    }

    /// <summary>Gives back what the marker had, when all is marked.</summary>
    public void Release()
    {
        if (_chunk != null)
        {
            queue.GiveEmpty(_chunk);
            _chunk = null;
        }
    }

    /// <summary>Looks into a block that is marked.</summary>
    public void Scan(nint block)
    {
        if ((block & ContinuationBit) != 0)
        {
            TryPop(out nint from);
            ScanArray(block - ContinuationBit, TracedKinds.Info(KindOf(block - ContinuationBit)), from);
            return;
        }

        TracedKind* kind = TracedKinds.Info(KindOf(block));
        switch (kind->Form)
        {
            case TracedForm.Fields:
                ScanPattern(block, kind);
                break;
            case TracedForm.References:
            case TracedForm.Elements:
                ScanArray(block, kind, 0);
                break;
            case TracedForm.Custom:
                CustomTracing.Run(this, block, kind->Trace, plane ^ 1);
                break;
        }
    }

    // A block's first page says its kind; traced blocks that slots name begin where blocks do.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint KindOf(nint block) => PageEntry.TracedKind(*ArenaHeader.EntryOf(block));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Mark(nint block)
    {
        ulong* word = TracedBits.WordOf(block, plane);
        ulong bit = TracedBits.BitOf(block);
        if ((*word & bit) != 0)
        {
            return;
        }

        if (!shared)
        {
            *word |= bit;
        }
        else if ((Interlocked.Or(ref *word, bit) & bit) != 0)
        {
            return;
        }

        TracedKind* kind = TracedKinds.Info(KindOf(block));
        BytesMarked += kind->SizeClass != SizeClasses.None
            ? SizeClasses.Info(kind->SizeClass).Size
            : (long)ArenaHeader.SpanAt(block)->SlotSize;
        if (kind->Form != TracedForm.NoPointers)
        {
            Push(block);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Push(nint block)
    {
        MarkChunk* chunk = _chunk;
        if (chunk != null && !chunk->IsFull)
        {
            chunk->Push(block);
            return;
        }

        PushSlow(block);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void PushSlow(nint block)
    {
        if (TryChangeChunk())
        {
            _chunk->Push(block);
        }
    }

    // Both into one chunk: what lies below an entry with the bit is its own.
    private bool TryPushContinuation(nint array, nint from)
    {
        if (_chunk == null || _chunk->Count + 2 > MarkChunk.Capacity)
        {
            MarkChunk* empty = queue.TakeEmpty();
            if (empty == null)
            {
                return false;
            }

            ChangeChunk(empty);
        }

        _chunk->Push(from);
        _chunk->Push(array | ContinuationBit);
        return true;
    }

    private bool TryChangeChunk()
    {
        MarkChunk* empty = queue.TakeEmpty();
        if (empty == null)
        {
            Overflowed = true;
            return false;
        }

        ChangeChunk(empty);
        return true;
    }

    // What was pushed earlier is nearer to the roots: worth most to another.
    private void ChangeChunk(MarkChunk* empty)
    {
        if (_chunk != null)
        {
            queue.Give(_chunk);
        }

        _chunk = empty;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryPop(out nint block)
    {
        MarkChunk* chunk = _chunk;
        if (chunk == null || chunk->Count == 0)
        {
            block = 0;
            return false;
        }

        block = chunk->Pop();
        return true;
    }

    private bool TryTakeChunk()
    {
        if (_chunk != null)
        {
            queue.GiveEmpty(_chunk);
        }

        _chunk = queue.Take();
        return _chunk != null;
    }

    // True when something was under way: it may have become work.
    private bool FlushAhead()
    {
        bool any = false;
        for (int i = 0; i < AheadCount; i++)
        {
            ref nint place = ref _ahead[_aheadAt++ & (AheadCount - 1)];
            nint block = place;
            place = 0;
            if (block != 0)
            {
                any = true;
                Mark(block);
            }
        }

        return any;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void ScanPattern(nint start, TracedKind* kind)
    {
        for (ulong bits = kind->FirstPointers; bits != 0; bits &= bits - 1)
        {
            Visit(((nint*)start)[BitOperations.TrailingZeroCount(bits)]);
        }

        if (kind->PatternWords > TracedKind.WordsInline)
        {
            ScanLongPattern(start, kind);
        }
    }

    private void ScanLongPattern(nint start, TracedKind* kind)
    {
        for (int word = 1; word < (kind->PatternWords + 63) / 64; word++)
        {
            for (ulong bits = kind->AllPointers[word]; bits != 0; bits &= bits - 1)
            {
                Visit(((nint*)start)[(word * 64) + BitOperations.TrailingZeroCount(bits)]);
            }
        }
    }

    private void ScanArray(nint block, TracedKind* kind, long from)
    {
        long length = *(long*)block;
        long to = Math.Min(length, from + ElementsPerStep);
        if (to < length)
        {
            // Without memory to remember the rest it is looked at now.
            to = TryPushContinuation(block, (nint)to) ? to : length;
            Share();
        }

        nint elements = block + TracedKind.ArrayHeaderBytes;
        if (kind->Form == TracedForm.References)
        {
            for (long i = from; i < to; i++)
            {
                Visit(((nint*)elements)[i]);
            }

            return;
        }

        for (long i = from; i < to; i++)
        {
            ScanPattern(elements + (nint)(i * kind->ElementBytes), kind);
        }
    }

    // All that waits, if another marker does: the ring and what is looked at next keep this one going.
    private void Share()
    {
        if (shared && _chunk != null && _chunk->Count > 1 && queue.IsWanted)
        {
            TryChangeChunk();
        }
    }
}
