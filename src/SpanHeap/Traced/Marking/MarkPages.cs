using System.Runtime.CompilerServices;
using SpanHeap.Contract;

namespace SpanHeap.Traced.Marking;

/// <summary>
/// The pages that a marker has to look at, first in, first out: until the turn of a page comes, more of its blocks are reached, which are then looked
/// into together. Chunks of pages that a marker can spare go to others.
/// </summary>
/// <remarks>Belongs to one marker.</remarks>
internal unsafe struct MarkPages
{
    private readonly MarkQueue _queue;
    private readonly bool _isAssistant;

    // Pages are taken from the first of these, beginning with that number, and added to the other. Full chunks lie between, the oldest first.
    private MarkChunk* _taken;
    private long _next;
    private MarkChunk* _full;
    private MarkChunk* _lastFull;
    private MarkChunk* _added;

    /// <exception cref="OutOfMemoryException">There is no memory for the two chunks.</exception>
    public MarkPages(MarkQueue queue)
    {
        _queue = queue;
        _taken = queue.Chunks.Take();
        _added = queue.Chunks.Take();
        if (_taken == null || _added == null)
        {
            Release();
            ThrowHelper.OutOfMemory("The system has no memory to mark a heap's traced blocks.");
        }
    }

    private MarkPages(MarkQueue queue, bool isAssistant)
    {
        _queue = queue;
        _isAssistant = isAssistant;
    }

    /// <summary>Makes those of an assistant, which waits for no work and has no chunk but between <see cref="TryBegin"/> and <see cref="GiveAll"/>.</summary>
    public static MarkPages OfAssistant(MarkQueue queue) => new(queue, isAssistant: true);

    /// <summary>Takes pages for an assistant; false if no marker has given any, or there is no memory for more.</summary>
    public bool TryBegin()
    {
        MarkChunk* given = _queue.TryTake();
        if (given == null)
        {
            return false;
        }

        _added = _queue.Chunks.Take();
        if (_added == null)
        {
            _queue.Give(given);
            return false;
        }

        _taken = given;
        _next = 0;
        return true;
    }

    /// <summary>Gives all pages of an assistant to whoever takes them. It needs no memory.</summary>
    public void GiveAll()
    {
        long left = _taken->Count - _next;
        new Span<nint>(MarkChunk.Entries(_taken) + _next, (int)left).CopyTo(new Span<nint>(MarkChunk.Entries(_taken), (int)left));
        _taken->Count = left;
        _next = 0;

        // Together if they fit, or each assist would leave one more chunk with a few pages.
        if (_full == null && left + _added->Count <= MarkChunk.Capacity)
        {
            new Span<nint>(MarkChunk.Entries(_added), (int)_added->Count).CopyTo(new Span<nint>(MarkChunk.Entries(_taken) + left, (int)_added->Count));
            _taken->Count += _added->Count;
            _added->Count = 0;
        }

        GiveOrRelease(ref _added);
        while (_full != null)
        {
            _queue.Give(TakeFull());
        }

        GiveOrRelease(ref _taken);
    }

    /// <summary>Adds a page; false if there is no memory for it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryAdd(nint page)
    {
        if (_added->Count == MarkChunk.Capacity && !TryAddChunk())
        {
            return false;
        }

        MarkChunk.Entries(_added)[_added->Count++] = page;
        return true;
    }

    /// <summary>Takes the page that was added first; false if there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryTake(out nint page)
    {
        if (_next == _taken->Count && !TryTurn())
        {
            page = 0;
            return false;
        }

        page = MarkChunk.Entries(_taken)[_next++];
        return true;
    }

    /// <summary>
    /// Takes pages of another marker over when there are none, and waits for them if necessary. False when marking is done; for an assistant, when there are
    /// none to take.
    /// </summary>
    public bool TryRefill()
    {
        MarkChunk* given = _isAssistant ? _queue.TryTake() : _queue.Take();
        if (given == null)
        {
            return false;
        }

        Begin(given);
        return true;
    }

    /// <summary>Gives another marker a chunk, if one waits and there is a chunk to spare.</summary>
    public void Share()
    {
        if (!_queue.IsWanted)
        {
            return;
        }

        if (_full != null)
        {
            _queue.Give(TakeFull());
            return;
        }

        MarkChunk* empty = _queue.Chunks.Take();
        if (empty == null)
        {
            return;
        }

        if (_added->Count > 1)
        {
            _queue.Give(_added);
            _added = empty;
        }
        else if (_taken->Count - _next > 1)
        {
            GiveHalf(empty);
        }
        else
        {
            _queue.Chunks.Give(empty);
        }
    }

    /// <summary>Gives back the chunks, when everything is marked or marking is given up.</summary>
    public void Release()
    {
        while (_full != null)
        {
            _queue.Chunks.Give(TakeFull());
        }

        Release(ref _taken);
        Release(ref _added);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryAddChunk()
    {
        MarkChunk* empty = _queue.Chunks.Take();
        if (empty == null)
        {
            return false;
        }

        MarkChunk* full = _added;
        _added = empty;
        if (_full == null)
        {
            _full = full;
        }
        else
        {
            _lastFull->Next = full;
        }

        _lastFull = full;
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool TryTurn()
    {
        if (_full != null)
        {
            Begin(TakeFull());
            return true;
        }

        if (_added->Count == 0)
        {
            return false;
        }

        MarkChunk* empty = _taken;
        _taken = _added;
        _next = 0;
        empty->Count = 0;
        _added = empty;
        return true;
    }

    // The newer half of the pages that are about to be taken.
    private readonly void GiveHalf(MarkChunk* empty)
    {
        long given = (_taken->Count - _next) / 2;
        _taken->Count -= given;
        new Span<nint>(MarkChunk.Entries(_taken) + _taken->Count, (int)given).CopyTo(new Span<nint>(MarkChunk.Entries(empty), (int)given));
        empty->Count = given;
        _queue.Give(empty);
    }

    private void Begin(MarkChunk* chunk)
    {
        _queue.Chunks.Give(_taken);
        _taken = chunk;
        _next = 0;
    }

    private MarkChunk* TakeFull()
    {
        MarkChunk* oldest = _full;
        _full = oldest->Next;
        oldest->Next = null;
        return oldest;
    }

    private readonly void GiveOrRelease(ref MarkChunk* chunk)
    {
        if (chunk->Count == 0)
        {
            Release(ref chunk);
            return;
        }

        _queue.Give(chunk);
        chunk = null;
    }

    private readonly void Release(ref MarkChunk* chunk)
    {
        if (chunk != null)
        {
            _queue.Chunks.Give(chunk);
            chunk = null;
        }
    }
}
