using System.Runtime.CompilerServices;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced.Marking;

/// <summary>
/// What threads do for the marker while they go on during a concurrent marking. A thread that is about to overwrite a reference shades the block that it
/// referred to, so that all that was reachable when marking began is marked, wherever threads move references meanwhile. (The deletion barrier of Yuasa:
/// a snapshot at the beginning.) Blocks that are made meanwhile are marked when their slots are taken.
/// </summary>
/// <remarks>
/// <para>
/// Shading is what a marker does when it reaches a block (<see cref="PageMarks"/>): it sets the mark, says that the block waits, and claims the block's page.
/// So a page comes here once until the marker has looked at it, however many of its blocks are shaded, and threads seldom meet at the lock.
/// </para>
/// <para>
/// Between two of these steps a block is marked, and nothing leads the marker to it. So marking has ended only if nothing waits while no thread is in a
/// scope, because all shading happens in scopes.
/// </para>
/// </remarks>
internal sealed unsafe class Shading(MarkQueue queue)
{
    private NativeLock _lock;

    // Guarded by the lock: the pages that are not given to the queue yet; null before the first.
    private MarkChunk* _pages;

    // Written while the gate is closed, read by threads in a scope and by the collector.
    private PageMarks _marks;
    private uint _bitmap;
    private bool _isOn;

    // Set by any thread that found no memory for a page.
    private int _overflowed;

    /// <summary>Whether threads shade blocks, and make marked ones. It changes only while no thread is in a scope.</summary>
    public bool IsOn => _isOn;

    /// <summary>Whether there was no memory for a page: all pages with blocks that wait must be queued again.</summary>
    public bool Overflowed => Volatile.Read(ref _overflowed) != 0;

    /// <summary>Begins. No thread is in a scope.</summary>
    /// <param name="bitmap">The bitmap that gets the marks.</param>
    public void Begin(uint bitmap)
    {
        _marks = new PageMarks(bitmap, shared: true);
        _bitmap = bitmap;
        _overflowed = 0;
        _isOn = true;
    }

    /// <summary>Ends. No thread is in a scope.</summary>
    public void End() => _isOn = false;

    /// <summary>Whether a block is marked. While threads shade blocks, an answer that it is not may be outdated at once.</summary>
    public bool IsMarked(nint block) => TracedBits.IsSet(block, _bitmap);

    /// <summary>Marks a block, whose references the marker then follows; does nothing for address 0. The caller is in a scope.</summary>
    public void Shade(nint block)
    {
        if (block == 0 || !_marks.TryReach(block))
        {
            return;
        }

        nint page = block & -PageGeometry.PageSize;
        if (_marks.TryClaim(page) && !TryAdd(page))
        {
            // Its blocks wait. No marker has it, so it can be queued again.
            Volatile.Write(ref _overflowed, 1);
            PageMarks.GiveUp(page);
        }
    }

    /// <summary>Gives the queue the pages of blocks that were shaded. Called by the marker.</summary>
    /// <returns>Whether there were any.</returns>
    public bool GivePages()
    {
        _lock.Enter();
        MarkChunk* pages = _pages;
        _pages = null;
        _lock.Exit();
        if (pages != null)
        {
            queue.Give(pages);
        }

        return pages != null;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryAdd(nint page)
    {
        MarkChunk* empty = null;
        MarkChunk* full = null;
        while (true)
        {
            _lock.Enter();
            if (empty != null && (_pages == null || _pages->Count == MarkChunk.Capacity))
            {
                full = _pages;
                _pages = empty;
                empty = null;
            }

            bool added = _pages != null && _pages->Count < MarkChunk.Capacity;
            if (added)
            {
                MarkChunk.Entries(_pages)[_pages->Count++] = page;
            }

            _lock.Exit();
            if (added)
            {
                break;
            }

            if ((empty = queue.Chunks.Take()) == null)
            {
                return false;
            }
        }

        if (full != null)
        {
            queue.Give(full);
        }

        if (empty != null)
        {
            queue.Chunks.Give(empty);
        }

        return true;
    }
}
