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

    /// <summary>
    /// Spans of this cache with free slots, refilled from the head. The one that had its first slot freed last stands there: its memory
    /// was in use a moment ago and is still in the processor's caches, where that of the others may stay cold. Those whose memory was
    /// given back, and those that are wholly free, stand at the tail.
    /// </summary>
    public Span* Head;
    public Span* Tail;

    /// <summary>Blocks of this cache's spans that are in use or parked anywhere. Means nothing for classes of one block a span.</summary>
    public long Outstanding;

    /// <summary>Full magazines in the depot, the newest last.</summary>
    public int DepotCount;

    /// <summary>Blocks in the depot.</summary>
    public int DepotBlocks;

    /// <summary>Listed spans without a block in use.</summary>
    public int EmptySpans;

    /// <summary>The heap's tick when a slow path last came here; maintenance drains what has not been used for a tick.</summary>
    public uint UsedAt;

    /// <summary>How often in a row the stack was full and never empty: the program frees, and will hardly want back all that lies there.</summary>
    public int Overflows;

    /// <summary>What <see cref="SpanScavenger"/> had forgotten when it last came here.</summary>
    public uint ForgottenAt;

    /// <summary>The walks over the spans that are under way.</summary>
    public ScavengeWalk* Walks;

    // When the scavenger's last walk for idle spans began, and the low bits of how many blocks were in use or parked then; 0 if it has met
    // a span that was used lately.
    private uint _settledAt;
    private uint _settledOutstanding;

    private fixed long _depot[DepotSize];

    public Magazine* this[int index]
    {
        readonly get => (Magazine*)_depot[index];
        set => _depot[index] = (long)value;
    }

    /// <summary>
    /// Whether nothing has come to the spans since the scavenger's last walk for idle spans, which left nothing to do: each refill is known
    /// by its tick, and without one each return by the number of blocks that are out.
    /// </summary>
    public readonly bool IsSettled => UsedAt < _settledAt && (uint)Outstanding == _settledOutstanding;

    /// <summary>Takes note that the scavenger begins a walk for idle spans.</summary>
    public void BeginSettling(uint now)
    {
        _settledAt = now;
        _settledOutstanding = (uint)Outstanding;
    }

    /// <summary>Takes note that the walk has left something to do.</summary>
    public void EndSettling() => _settledAt = 0;

    public void Push(Magazine* magazine)
    {
        this[DepotCount++] = magazine;
        DepotBlocks += magazine->Count;
    }

    /// <summary>Adds blocks to the newest magazine of the depot; false, and nothing has changed, when it would have more than so many.</summary>
    public bool TryTopUp(nint* blocks, int count, int limit)
    {
        Magazine* newest = DepotCount > 0 ? this[DepotCount - 1] : null;
        if (newest == null || newest->Count + count > limit)
        {
            return false;
        }

        new Span<nint>(blocks, count).CopyTo(new Span<nint>(Magazine.Blocks(newest) + newest->Count, count));
        newest->Count += count;
        DepotBlocks += count;
        return true;
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

    public void AddFirst(Span* span)
    {
        span->Previous = null;
        span->Next = Head;
        span->Listed = true;
        if (Head != null)
        {
            Head->Previous = span;
        }
        else
        {
            Tail = span;
        }

        Head = span;
    }

    public void AddLast(Span* span)
    {
        span->Next = null;
        span->Previous = Tail;
        span->Listed = true;
        if (Tail != null)
        {
            Tail->Next = span;
        }
        else
        {
            Head = span;
        }

        Tail = span;
    }

    public void Remove(Span* span)
    {
        if (Walks != null)
        {
            ScavengeWalk.NoteLeaving(Walks, span);
        }

        if (span->Previous == null)
        {
            Head = span->Next;
        }
        else
        {
            span->Previous->Next = span->Next;
        }

        if (span->Next != null)
        {
            span->Next->Previous = span->Previous;
        }
        else
        {
            Tail = span->Previous;
        }

        span->Next = span->Previous = null;
        span->Listed = false;
    }
}
