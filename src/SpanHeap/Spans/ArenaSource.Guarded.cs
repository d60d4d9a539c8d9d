using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>
/// Guarded blocks and the heap's limit. It counts the bytes of those that live and none of their pages, so that a heap serves as many
/// blocks as it would without guards; all their pages together may be as much again as the limit, so that it takes twice of that at most.
/// </summary>
internal sealed unsafe partial class ArenaSource
{
    // Interlocked, under the limit's lock where both change with the page heap.
    private long _guardedPages;
    private long _guardedBytes;

    /// <summary>Pages in use for guarded blocks, live or in quarantine.</summary>
    public long GuardedPages => Volatile.Read(ref _guardedPages);

    /// <summary>What guarded blocks that live count.</summary>
    public long GuardedBytes => Volatile.Read(ref _guardedBytes);

    /// <summary>Whether guarded blocks may have so many more pages.</summary>
    public bool HasRoomForGuarded(int morePages) =>
        _limitBytes == nuint.MaxValue || (nuint)(GuardedPages + morePages) << PageGeometry.PageShift <= _limitBytes;

    /// <summary>Takes pages for a guarded block, which counts so many bytes however many pages it takes.</summary>
    public PageRefusal TryAllocateGuarded(int count, int alignment, nuint bytes, out PageRun run)
    {
        run = default;
        EnterLimit();
        PageRefusal refusal = !IsWithinLimit(bytes) ? PageRefusal.Limit
            : !HasRoomForGuarded(count) ? PageRefusal.Guards
            : !_pages.TryAllocate(count, alignment, room: 0, out run) ? PageRefusal.NoRun
            : PageRefusal.None;
        if (refusal == PageRefusal.None)
        {
            Interlocked.Add(ref _guardedPages, count);
            CountGuarded((long)bytes);
        }

        ExitLimit();
        return refusal;
    }

    /// <summary>Gives the pages of a guarded block back, which counts no bytes any more.</summary>
    public void FreeGuarded(nint address, int count)
    {
        EnterLimit();
        _pages.Free(address, count);
        Interlocked.Add(ref _guardedPages, -count);
        ExitLimit();
    }

    /// <summary>Charges a guarded block that has no pages, if the limit allows.</summary>
    public bool TryChargeGuarded(nuint bytes)
    {
        EnterLimit();
        bool within = IsWithinLimit(bytes);
        CountGuarded(within ? (long)bytes : 0);
        ExitLimit();
        return within;
    }

    /// <summary>Guarded blocks count so many more bytes.</summary>
    public void CountGuarded(long bytes) => Interlocked.Add(ref _guardedBytes, bytes);
}
