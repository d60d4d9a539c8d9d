using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Marking;

/// <summary>
/// Sets and takes the bits by which markers tell what they have reached and what waits. A block is marked by one marker, and a page is looked at by
/// one at a time.
/// </summary>
/// <param name="bitmap">The bitmap that gets the marks.</param>
/// <param name="shared">Whether there are several markers. One alone needs no interlocked operations.</param>
/// <remarks>
/// <para>
/// A marker that reaches a block sets the block's mark. The one whose operation set it says that the block waits, and then claims the page
/// (<see cref="TracedBits.QueuedOf"/>), unless another marker has it.
/// </para>
/// <para>
/// A marker that has a page takes waiting blocks out, a word at a time, until it finds none. Then it releases the page and looks once more: a
/// marker that set a bit meanwhile has either seen that the page was free and claimed it, or set the bit before this look. Both orders are kept by the
/// full fences of interlocked operations.
/// </para>
/// </remarks>
internal readonly unsafe struct PageMarks(uint bitmap, bool shared)
{
    /// <summary>Whether any block of a page waits.</summary>
    public static bool AnyWaiting(nint page) =>
        new ReadOnlySpan<ulong>(TracedBits.WordOf(page, TracedBits.Waiting), TracedBits.WordsPerPage).ContainsAnyExcept(0UL);

    /// <summary>Releases a page that was claimed and cannot be looked at. Its blocks wait.</summary>
    public static void GiveUp(nint page) => Volatile.Write(ref *TracedBits.QueuedOf(page), 0);

    /// <summary>Marks a block; false if it was marked before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryMark(nint block)
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

    /// <summary>Marks a block, which waits from then on; false if it was marked before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReach(nint block)
    {
        if (!TryMark(block))
        {
            return false;
        }

        ulong* waiting = TracedBits.WordOf(block, TracedBits.Waiting);
        ulong bit = TracedBits.BitOf(block);
        if (shared)
        {
            InterleavingPoints.At(InterleavingPoint.BlockMarked);
            Interlocked.Or(ref *waiting, bit);
            InterleavingPoints.At(InterleavingPoint.BlockWaits);
        }
        else
        {
            *waiting |= bit;
        }

        return true;
    }

    /// <summary>Makes a page the caller's, which is to queue it or look at it; false if a marker has it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryClaim(nint page)
    {
        byte* queued = TracedBits.QueuedOf(page);
        if (Volatile.Read(ref *queued) != 0)
        {
            return false;
        }

        if (shared)
        {
            return Interlocked.Exchange(ref *queued, 1) == 0;
        }

        *queued = 1;
        return true;
    }

    /// <summary>Takes the blocks of a word that wait. The caller has their page.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong TakeWaiting(ulong* waiting)
    {
        ulong bits = *waiting;
        if (bits != 0)
        {
            if (shared)
            {
                return Interlocked.Exchange(ref *waiting, 0);
            }

            *waiting = 0;
        }

        return bits;
    }

    /// <summary>Releases a page that the caller has looked at; false if blocks wait again and the page is still the caller's.</summary>
    public bool TryLeave(nint page)
    {
        if (AnyWaiting(page))
        {
            return false;
        }

        byte* queued = TracedBits.QueuedOf(page);
        if (!shared)
        {
            *queued = 0;
            return true;
        }

        InterleavingPoints.At(InterleavingPoint.PageLeaving);
        Interlocked.Exchange(ref *queued, 0);
        InterleavingPoints.At(InterleavingPoint.PageLeft);
        return !AnyWaiting(page) || Interlocked.Exchange(ref *queued, 1) != 0;
    }
}
