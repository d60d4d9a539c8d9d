using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using SpanHeap.Spans;
using SpanHeap.Traced.Layouts;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Marking;

/// <summary>
/// Marks what can be reached: takes a pointer, marks the block it points to, and pushes the pointers in that block. It does not recurse, so depth
/// costs memory of the queue and not of the stack.
/// </summary>
/// <remarks>
/// Belongs to one thread. All threads are out of the heap meanwhile, so blocks do not change and none are made; other markers set bits in the same
/// words, by interlocked operations. A pointer waits on the stack, and then for some turns in a short ring while its block comes from memory. It is
/// prefetched when it is taken from the stack, not when it is pushed, because what waits there for long has left the caches again.
/// </remarks>
internal sealed unsafe class Marker(MarkQueue queue, uint bitmap, bool shared)
{
    /// <summary>The lowest bit of a stack entry below which lies another that says how far an array has been scanned.</summary>
    private const nint ContinuationBit = 1;

    // The number of blocks that are fetched from memory at a time.
    private const uint AheadCount = 32;

    // The elements of an array that are pushed at once, which fit in a chunk; the rest waits on the stack, for any marker to take.
    private const long ElementsPerStep = 256;

    // The turns between two checks whether another marker has nothing to do.
    private const uint TurnsBetweenSharing = 64;

    private MarkStack _stack = new(queue);
    private KnownArenas _arenas;

    /// <summary>How often the process's table of arenas was asked, under its lock, which heap an address lies in.</summary>
    public long ArenasAsked { get; private set; }

    /// <summary>The bytes of slots marked.</summary>
    public long BytesMarked { get; private set; }

    /// <summary>Whether there was no memory for a pointer: all marked blocks and all roots must be scanned again.</summary>
    public bool Overflowed { get; private set; }

    /// <summary>Takes a pointer to a block, or null.</summary>
    public void Visit(nint block)
    {
        // What is already marked is not pushed, so that after an overflow each pass gets further than the previous one.
        if (block != 0 && !TracedBits.IsSet(block, bitmap) && TryMakeRoom(1))
        {
            *_stack.Top++ = block;
        }
    }

    /// <summary>Takes any address: one that lies in an allocated block of the heap counts as a pointer to that block, others are ignored.</summary>
    /// <param name="address">The address.</param>
    /// <param name="heapSerial">The serial number of the heap that is marked.</param>
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
            Visit(TracedBits.IsSet(block, bitmap ^ 1) ? block : 0);
        }
    }

    /// <summary>Scans everything that waits, until nothing is left anywhere.</summary>
    // Compiled with full optimization at once: its loop runs for long on the very first call.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Drain()
    {
        nint* ahead = stackalloc nint[(int)AheadCount];
        uint first = 0, count = 0, turn = 0;
        long bytes = 0;
        MarkWindow window = _stack.Window;
        while (true)
        {
            while (count < AheadCount && window.Top != window.Floor)
            {
                nint next = *--window.Top;
                if ((next & ContinuationBit) != 0)
                {
                    window = ContinueArray(window.Top - 1, next - ContinuationBit, window.Top[-1]);
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

            SpanClassInfo* spanClass = SpanClasses.Info(SpanClassOf(block));
            bytes += BytesOf(block, spanClass);
            if (spanClass->Form == TracedForm.Fields && window.Ceiling - window.Top >= SpanClassInfo.WordsInline && spanClass->AllPointers == null)
            {
                window.Top = PushFields(window.Top, (nint*)block, spanClass->FirstPointers);
            }
            else if (spanClass->Form > TracedForm.Collectable)
            {
                window = Scan(window.Top, block, spanClass);
            }

            if (shared && ++turn % TurnsBetweenSharing == 0)
            {
                window = Share(window.Top);
            }
        }

        BytesMarked += bytes;
    }

    /// <summary>Gives back what the marker had, when everything is marked or marking is given up.</summary>
    public void Release() => _stack.Release();

    /// <summary>Pushes the pointers in a marked block.</summary>
    public void Scan(nint block, SpanClassInfo* spanClass)
    {
        switch (spanClass->Form)
        {
            case TracedForm.Fields:
                ScanPattern(block, spanClass);
                break;
            case TracedForm.References:
            case TracedForm.Elements:
                ContinueArray(block, 0);
                break;
            case TracedForm.Custom:
                CustomTracing.Run(this, block, spanClass->Trace, bitmap ^ 1);
                break;
        }
    }

    // The entry of a block's first page says its span class; a reference points to the start of a block.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint SpanClassOf(nint block) => PageEntry.SpanClass(*ArenaHeader.EntryOf(block));

    // The bytes of the slot. A large block has a span of its own, whose record says how long it is.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static long BytesOf(nint block, SpanClassInfo* spanClass) =>
        spanClass->SlotBytes != 0 ? spanClass->SlotBytes : (long)ArenaHeader.SpanAt(block)->SlotSize;

    // These are parts of the loop above, in which the window is in registers: the top is written back before the stack is touched.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private MarkWindow ContinueArray(nint* top, nint block, nint from)
    {
        _stack.Top = top;
        ContinueArray(block, from);
        return _stack.Window;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private MarkWindow Scan(nint* top, nint block, SpanClassInfo* spanClass)
    {
        _stack.Top = top;
        Scan(block, spanClass);
        return _stack.Window;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private MarkWindow Share(nint* top)
    {
        _stack.Top = top;
        _stack.Share();
        return _stack.Window;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint* PushFields(nint* top, nint* block, ulong bits)
    {
        for (; bits != 0; bits &= bits - 1)
        {
            // There is no branch here, because it would be unpredictable whether a pointer is null.
            nint pointer = block[BitOperations.TrailingZeroCount(bits)];
            *top = pointer;
            top += pointer != 0 ? 1 : 0;
        }

        return top;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Prefetch(nint block)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(TracedBits.WordOf(block, bitmap));
            Sse.Prefetch0((void*)block);
        }
    }

    // False if it was marked before.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryMark(nint block)
    {
        ulong* word = TracedBits.WordOf(block, bitmap);
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

    private void ScanPattern(nint start, SpanClassInfo* spanClass)
    {
        for (ulong bits = spanClass->FirstPointers; bits != 0; bits &= bits - 1)
        {
            Visit(((nint*)start)[BitOperations.TrailingZeroCount(bits)]);
        }

        if (spanClass->AllPointers == null)
        {
            return;
        }

        for (int word = 1; word < (spanClass->PatternWords + 63) / 64; word++)
        {
            for (ulong bits = spanClass->AllPointers[word]; bits != 0; bits &= bits - 1)
            {
                Visit(((nint*)start)[(word * 64) + BitOperations.TrailingZeroCount(bits)]);
            }
        }
    }

    private void ContinueArray(nint block, nint from)
    {
        SpanClassInfo* spanClass = SpanClasses.Info(SpanClassOf(block));
        long length = *(long*)block;
        long to = Math.Min(length, from + ElementsPerStep);
        if (to < length && TryMakeRoom(2))
        {
            *_stack.Top++ = (nint)to;
            *_stack.Top++ = block | ContinuationBit;
        }

        nint elements = block + SpanClassInfo.ArrayHeaderBytes;
        if (spanClass->Form == TracedForm.References)
        {
            PushAll((nint*)elements + from, (int)(to - from));
            return;
        }

        for (long i = from; i < to; i++)
        {
            ScanPattern(elements + (nint)(i * spanClass->ElementBytes), spanClass);
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
