using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using SpanHeap.Layouts;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Tracing;

/// <summary>
/// Marks what can be reached: takes a pointer, marks the block it points to, pushes the pointers that are in it. No recursion, so that
/// depth costs memory of the queue and no stack.
/// </summary>
/// <remarks>
/// One thread's. All threads are out of the heap meanwhile, so blocks do not change and none are made; other markers set bits in the
/// same words, by interlocked steps. A pointer waits on the stack, and then for some turns in a short ring while its block comes from
/// memory (a prefetch when it is taken from the stack, not when it is pushed: what waits there long is gone from the caches again).
/// </remarks>
internal sealed unsafe class Marker(MarkQueue queue, uint plane, bool shared)
{
    /// <summary>The lowest bit of an entry on the stack that has below it how far an array has been looked at.</summary>
    private const nint ContinuationBit = 1;

    // Blocks that come from memory at a time.
    private const uint AheadCount = 32;

    // Elements of an array that are pushed in one go: the rest waits on the stack, for whoever takes it. Fits a chunk.
    private const long ElementsPerStep = 256;

    // How often is looked whether another marker has nothing to do.
    private const uint TurnsBetweenSharing = 64;

    private MarkStack _stack = new(queue);
    private KnownArenas _arenas;

    /// <summary>How often the process's table of arenas was asked, under its lock, which heap an address lies in.</summary>
    public long ArenasAsked { get; private set; }

    /// <summary>Bytes of slots marked.</summary>
    public long BytesMarked { get; private set; }

    /// <summary>Whether there was no memory for a pointer: all marked blocks have to be looked into again, and all roots.</summary>
    public bool Overflowed { get; private set; }

    /// <summary>Takes a pointer to a block, or null.</summary>
    public void Visit(nint block)
    {
        // What is marked already is not pushed: so that after an overflow each pass comes further than the one before.
        if (block != 0 && !TracedBits.IsSet(block, plane) && TryMakeRoom(1))
        {
            *_stack.Top++ = block;
        }
    }

    /// <summary>Takes any address: one that lies in an allocated block of the heap is a pointer to that block, others are nothing.</summary>
    /// <param name="address">The address.</param>
    /// <param name="heapSerial">The heap that is marked.</param>
    public void VisitInterior(nint address, ulong heapSerial)
    {
        if (!ArenaMap.IsInArena(address))
        {
            return;
        }

        nint arena = ArenaHeader.ArenaOf(address);
        bool known = _arenas.Contains(arena);
        ArenasAsked += known ? 0 : 1;
        if ((known || ArenaMap.IsInArenaOf(heapSerial, address)) && TracedLookup.TryFindInArena(address, out _, out nint block))
        {
            _arenas.Add(arena);
            Visit(TracedBits.IsSet(block, plane ^ 1) ? block : 0);
        }
    }

    /// <summary>Looks into all that waits until nothing is left anywhere.</summary>
    // Compiled once and for good: a loop that runs for long when it is called for the first time.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Drain()
    {
        nint* ahead = stackalloc nint[(int)AheadCount];
        uint first = 0;
        uint count = 0;
        uint turn = 0;
        long bytes = 0;
        MarkWindow window = _stack.Window;
        while (true)
        {
            while (count < AheadCount && window.Top != window.Floor)
            {
                nint next = *--window.Top;
                if ((next & ContinuationBit) != 0)
                {
                    _stack.Top = window.Top - 1;
                    ContinueArray(next - ContinuationBit, window.Top[-1]);
                    window = _stack.Window;
                    continue;
                }

                Prefetch(next);
                ahead[(first + count++) % AheadCount] = next;
            }

            if (count == 0)
            {
                _stack.Top = window.Top;
                if (!_stack.TryRefill())
                {
                    break;
                }

                window = _stack.Window;
                continue;
            }

            nint block = ahead[first++ % AheadCount];
            count--;
            if (!TryMark(block))
            {
                continue;
            }

            TracedKind* kind = TracedKinds.Info(KindOf(block));
            bytes += BytesOf(block, kind);
            if (kind->Form == TracedForm.Fields && window.Ceiling - window.Top >= TracedKind.WordsInline && kind->AllPointers == null)
            {
                for (ulong bits = kind->FirstPointers; bits != 0; bits &= bits - 1)
                {
                    // Without a branch: null or not is as good as random.
                    nint pointer = ((nint*)block)[BitOperations.TrailingZeroCount(bits)];
                    *window.Top = pointer;
                    window.Top += pointer != 0 ? 1 : 0;
                }
            }
            else if (kind->Form > TracedForm.Collectable)
            {
                _stack.Top = window.Top;
                Scan(block, kind);
                window = _stack.Window;
            }

            if (shared && ++turn % TurnsBetweenSharing == 0)
            {
                _stack.Top = window.Top;
                _stack.Share();
                window = _stack.Window;
            }
        }

        BytesMarked += bytes;
    }

    /// <summary>Gives back what the marker had, when all is marked or marking is given up.</summary>
    public void Release() => _stack.Release();

    /// <summary>Pushes what is in a block that is marked.</summary>
    public void Scan(nint block, TracedKind* kind)
    {
        switch (kind->Form)
        {
            case TracedForm.Fields:
                ScanPattern(block, kind);
                break;
            case TracedForm.References:
            case TracedForm.Elements:
                ContinueArray(block, 0);
                break;
            case TracedForm.Custom:
                CustomTracing.Run(this, block, kind->Trace, plane ^ 1);
                break;
        }
    }

    // A block's first page says its kind; traced blocks that slots name begin where blocks do.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint KindOf(nint block) => PageEntry.TracedKind(*ArenaHeader.EntryOf(block));

    // The slot's bytes. A large block is a span of its own, whose record says how long it is.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static long BytesOf(nint block, TracedKind* kind) =>
        kind->SlotBytes != 0 ? kind->SlotBytes : (long)ArenaHeader.SpanAt(block)->SlotSize;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Prefetch(nint block)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(TracedBits.WordOf(block, plane));
            Sse.Prefetch0((void*)block);
        }
    }

    // False when it was marked before.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryMark(nint block)
    {
        ulong* word = TracedBits.WordOf(block, plane);
        ulong bit = TracedBits.BitOf(block);
        ulong before = *word;
        if ((before & bit) != 0)
        {
            return false;
        }

        if (shared)
        {
            return (Interlocked.Or(ref *word, bit) & bit) == 0;
        }

        *word = before | bit;
        return true;
    }

    private void ScanPattern(nint start, TracedKind* kind)
    {
        for (ulong bits = kind->FirstPointers; bits != 0; bits &= bits - 1)
        {
            Visit(((nint*)start)[BitOperations.TrailingZeroCount(bits)]);
        }

        if (kind->AllPointers == null)
        {
            return;
        }

        for (int word = 1; word < (kind->PatternWords + 63) / 64; word++)
        {
            for (ulong bits = kind->AllPointers[word]; bits != 0; bits &= bits - 1)
            {
                Visit(((nint*)start)[(word * 64) + BitOperations.TrailingZeroCount(bits)]);
            }
        }
    }

    private void ContinueArray(nint block, nint from)
    {
        TracedKind* kind = TracedKinds.Info(KindOf(block));
        long length = *(long*)block;
        long to = Math.Min(length, from + ElementsPerStep);
        if (to < length && TryMakeRoom(2))
        {
            *_stack.Top++ = (nint)to;
            *_stack.Top++ = block | ContinuationBit;
        }

        nint elements = block + TracedKind.ArrayHeaderBytes;
        if (kind->Form == TracedForm.References)
        {
            PushAll((nint*)elements + from, (int)(to - from));
            return;
        }

        for (long i = from; i < to; i++)
        {
            ScanPattern(elements + (nint)(i * kind->ElementBytes), kind);
        }
    }

    private void PushAll(nint* pointers, int count)
    {
        if (!TryMakeRoom(count))
        {
            return;
        }

        nint* top = _stack.Top;
        for (int i = 0; i < count; i++)
        {
            *top = pointers[i];
            top += pointers[i] != 0 ? 1 : 0;
        }

        _stack.Top = top;
    }

    private bool TryMakeRoom(int entries)
    {
        bool made = _stack.TryMakeRoom(entries);
        Overflowed |= !made;
        return made;
    }
}
