using System.Runtime.InteropServices;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>What stands behind a class's stack in one cache: its depot of full magazines and its spans with free slots.</summary>
/// <remarks>All fields are guarded by the cache's lock.</remarks>
[StructLayout(LayoutKind.Sequential, Size = 192)]
internal unsafe struct ClassShelf
{
    /// <summary>Full magazines kept before blocks go back to their spans.</summary>
    public const int DepotSize = 16;

    /// <summary>Spans of this cache with free slots: refilled from the head, added to at the tail, so that a span gathers free slots while others serve.</summary>
    public Span* Head;
    public Span* Tail;

    /// <summary>Blocks of this cache's spans that are in use or parked anywhere. Means nothing for classes of one block a span.</summary>
    public int Outstanding;

    /// <summary>Full magazines in the depot, the newest last.</summary>
    public int DepotCount;

    /// <summary>Blocks in the depot.</summary>
    public int DepotBlocks;

    /// <summary>Listed spans without a block in use.</summary>
    public int EmptySpans;

    /// <summary>The heap's tick when a slow path last came here; the timer drains what has not been used for a tick.</summary>
    public uint UsedAt;

    private fixed long _depot[DepotSize];

    /// <summary>Freed blocks of a class with one block a span, kept for reuse; null or a magazine that may be empty. Such classes have no depot.</summary>
    public Magazine* Kept
    {
        readonly get => (Magazine*)_depot[0];
        set => _depot[0] = (long)value;
    }

    public Magazine* this[int index]
    {
        readonly get => (Magazine*)_depot[index];
        set => _depot[index] = (long)value;
    }

    public void Push(Magazine* magazine)
    {
        this[DepotCount++] = magazine;
        DepotBlocks += magazine->Count;
    }

    public Magazine* Pop()
    {
        Magazine* newest = this[--DepotCount];
        DepotBlocks -= newest->Count;
        return newest;
    }

    /// <summary>Takes the oldest magazine out of the depot.</summary>
    public Magazine* TakeOldest()
    {
        Magazine* oldest = this[0];
        DepotBlocks -= oldest->Count;
        DepotCount--;
        for (int i = 0; i < DepotCount; i++)
        {
            this[i] = this[i + 1];
        }

        return oldest;
    }

    public void Append(Span* span)
    {
        span->Next = null;
        span->Previous = Tail;
        span->Listed = true;
        if (Tail == null)
        {
            Head = span;
        }
        else
        {
            Tail->Next = span;
        }

        Tail = span;
    }

    public void Remove(Span* span)
    {
        if (span->Previous == null)
        {
            Head = span->Next;
        }
        else
        {
            span->Previous->Next = span->Next;
        }

        if (span->Next == null)
        {
            Tail = span->Previous;
        }
        else
        {
            span->Next->Previous = span->Previous;
        }

        span->Next = span->Previous = null;
        span->Listed = false;
    }
}
