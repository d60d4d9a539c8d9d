using System.Runtime.InteropServices;
using SpanHeap.Os;

namespace SpanHeap.Traced.Marking;

/// <summary>
/// The chunks of a heap's queues of pages to mark. They come from the system in large pieces, so that a growing queue seldom asks for one. The first piece
/// serves every marking; the others go back after the marking that needed them.
/// </summary>
/// <remarks>
/// Thread safe by its lock, under which the system is never called. A chunk counts as the heap's memory from its first use on: before that it is
/// not touched, so the system has not backed it with memory.
/// </remarks>
internal sealed unsafe class MarkChunks(OsMemory os, MetadataAllocator metadata) : IDisposable
{
    // 256 KiB: enough for nearly all heaps, and little beside any that needs more.
    private const int LeastChunks = 64;

    // 4 MiB: the chunks of a heap of gigabytes are some tens of pieces.
    private const int MostChunks = 1024;

    // The fields below are guarded by the lock. The piece added last, from which all others follow: earlier ones have no unused chunk left.
    private NativeLock _lock;
    private Piece* _newest;
    private MarkChunk* _spare;

    // The number of chunks in all pieces.
    private int _chunks;

    /// <summary>Takes an empty chunk; null if the system has no memory.</summary>
    public MarkChunk* Take()
    {
        for (; ; )
        {
            _lock.Enter();
            Piece* newest = _newest;
            MarkChunk* chunk = _spare;
            bool first = chunk == null && newest != null && newest->Served < newest->Chunks;
            if (first)
            {
                chunk = Piece.Chunk(newest, newest->Served++);
            }
            else if (chunk != null)
            {
                _spare = chunk->Next;
            }

            int wanted = Math.Clamp(_chunks, LeastChunks, MostChunks);
            _lock.Exit();
            metadata.Count(first ? MarkChunk.Size : 0);
            if (chunk != null)
            {
                chunk->Next = null;
                chunk->Count = 0;
                return chunk;
            }

            if (!TryAddPiece(wanted, newest))
            {
                return null;
            }
        }
    }

    /// <summary>Takes a chunk back.</summary>
    public void Give(MarkChunk* chunk)
    {
        _lock.Enter();
        chunk->Next = _spare;
        _spare = chunk;
        _lock.Exit();
    }

    /// <summary>Gives back all pieces but the first. No marker has a chunk.</summary>
    public void Trim()
    {
        _lock.Enter();
        Piece* surplus = null;
        while (_newest != null && _newest->Older != null)
        {
            Piece* piece = _newest;
            _newest = piece->Older;
            piece->Older = surplus;
            surplus = piece;
        }

        if (surplus != null)
        {
            // Spare chunks of the first piece lie among the others, so all of it is made spare.
            _chunks = _newest->Chunks;
            _spare = null;
            for (int i = _newest->Served; i-- > 0;)
            {
                MarkChunk* chunk = Piece.Chunk(_newest, i);
                chunk->Next = _spare;
                _spare = chunk;
            }
        }

        _lock.Exit();
        FreeAll(surplus, discards: true);
    }

    /// <summary>Gives back all pieces. No thread marks any more.</summary>
    public void Dispose()
    {
        FreeAll(_newest, discards: false);
        _newest = null;
        _spare = null;
        _chunks = 0;
    }

    // True if there may be a chunk now: from this piece, or from one that another marker has added meanwhile.
    private bool TryAddPiece(int chunks, Piece* newest)
    {
        Piece* made = TryMakePiece(chunks);
        if (made == null && chunks > LeastChunks)
        {
            made = TryMakePiece(LeastChunks);
        }

        if (made == null)
        {
            return false;
        }

        _lock.Enter();
        bool adds = _newest == newest;
        if (adds)
        {
            made->Older = newest;
            _newest = made;
            _chunks += made->Chunks;
        }

        _lock.Exit();
        if (!adds)
        {
            os.Free(made);
        }

        return true;
    }

    private Piece* TryMakePiece(int chunks)
    {
        Piece* piece = (Piece*)os.Allocate(OsCall.AllocateMetadata, Piece.Bytes(chunks), zeroed: false);
        if (piece != null)
        {
            *piece = new Piece { Chunks = chunks };
        }

        return piece;
    }

    private void FreeAll(Piece* first, bool discards)
    {
        for (Piece* piece = first; piece != null;)
        {
            Piece* next = piece->Older;
            metadata.Count(-(long)piece->Served * MarkChunk.Size);
            if (discards)
            {
                Discard(piece);
            }

            os.Free(piece);
            piece = next;
        }
    }

    // The platform's allocator may keep freed memory resident. If the system refuses, only that is lost.
    private void Discard(Piece* piece)
    {
        nuint page = OsMemory.PageSize;
        nuint first = ((nuint)piece + page - 1) & ~(page - 1);
        nuint last = ((nuint)piece + Piece.Bytes(piece->Chunks)) & ~(page - 1);
        if (last > first)
        {
            os.Discard((nint)first, last - first);
        }
    }

    /// <summary>A piece of chunks, of which the first ones have been used. They follow it in memory.</summary>
    [StructLayout(LayoutKind.Sequential, Size = HeaderBytes)]
    private struct Piece
    {
        private const int HeaderBytes = 64;

        public Piece* Older;
        public int Chunks;
        public int Served;

        public static nuint Bytes(int chunks) => HeaderBytes + ((nuint)chunks * MarkChunk.Size);

        public static MarkChunk* Chunk(Piece* piece, int index) => (MarkChunk*)((byte*)piece + HeaderBytes) + index;
    }
}
