using System.Runtime.CompilerServices;

namespace SpanHeap.Os;

/// <summary>
/// Memory for a heap's own records: zeroed, never given back one by one, all freed at once when the heap goes.
/// </summary>
/// <remarks>So every record stays readable and of its type for as long as anybody can hold its address.</remarks>
internal sealed unsafe class MetadataAllocator(OsMemory os) : IDisposable
{
    // The first chunk is small, because most of a program's heaps may be. The largest are above the size from which the platform's
    // allocator maps memory of its own, so that untouched parts stay unresident.
    private const nuint FirstChunkBytes = 16 * 1024;
    private const nuint ChunkBytes = 256 * 1024;

    private const nuint Alignment = 64;

    private NativeLock _lock;

    // All guarded by the lock.
    private Chunk* _chunks;
    private nint _next;
    private nint _end;

    // Added to by any thread, read at any time: what was had from the system, and what of it was handed out.
    private long _reserved;
    private long _used;

    private struct Chunk
    {
        public Chunk* Next;
    }

    /// <summary>Bytes had from the system so far, but for those whose memory went back; and what others count here.</summary>
    public nuint ReservedBytes => (nuint)Volatile.Read(ref _reserved);

    /// <summary>
    /// Counts records that have their memory from elsewhere; or, less than zero, those whose memory goes back to the system while their
    /// addresses stay.
    /// </summary>
    public void Count(long bytes)
    {
        Interlocked.Add(ref _reserved, bytes);
        Interlocked.Add(ref _used, bytes);
    }

    /// <summary>Bytes of the records handed out: what is resident of <see cref="ReservedBytes"/> at most.</summary>
    public nuint UsedBytes => (nuint)Math.Max(0, Volatile.Read(ref _used));

    /// <summary>Zeroed memory aligned to a cache line; null when the system has none.</summary>
    public void* Allocate(nuint bytes)
    {
        bytes = (bytes + Alignment - 1) & ~(Alignment - 1);
        for (; ; )
        {
            _lock.Enter();
            if ((nuint)(_end - _next) >= bytes)
            {
                void* result = (void*)_next;
                _next += (nint)bytes;
                Interlocked.Add(ref _used, (long)bytes);
                _lock.Exit();
                return result;
            }

            _lock.Exit();
            if (bytes > ChunkBytes / 4)
            {
                return AddChunk(bytes, alone: true);
            }

            if (AddChunk(bytes, alone: false) == null)
            {
                return null;
            }
        }
    }

    /// <summary>Frees every record at once; nobody may hold one.</summary>
    public void Dispose()
    {
        Chunk* chunk = _chunks;
        _chunks = null;
        _next = _end = 0;
        Volatile.Write(ref _reserved, 0);
        Volatile.Write(ref _used, 0);
        while (chunk != null)
        {
            Chunk* next = chunk->Next;
            os.Free(chunk);
            chunk = next;
        }
    }

    // As much again as there is, so that a chunk is a small part of all; room for two records at least.
    private nuint ChunkSizeFor(nuint bytes) => Math.Clamp(Math.Max(ReservedBytes, (2 * bytes) + (4 * Alignment)), FirstChunkBytes, ChunkBytes);

    // Outside the lock: the system may take its time. Two threads at once may both add a chunk; the rest of the first is lost, once.
    // A large record has a chunk alone, and the one in use goes on.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void* AddChunk(nuint bytes, bool alone)
    {
        nuint size = alone ? bytes + (2 * Alignment) : ChunkSizeFor(bytes);
        Chunk* chunk = (Chunk*)os.Allocate(OsCall.AllocateMetadata, size, zeroed: true);
        if (chunk == null)
        {
            return null;
        }

        nint first = (nint)(((nuint)chunk + (nuint)sizeof(Chunk) + Alignment - 1) & ~(Alignment - 1));
        _lock.Enter();
        chunk->Next = _chunks;
        _chunks = chunk;
        Interlocked.Add(ref _reserved, (long)size);
        if (alone)
        {
            Interlocked.Add(ref _used, (long)bytes);
        }

        if (!alone)
        {
            _next = first;
            _end = (nint)chunk + (nint)size;
        }

        _lock.Exit();
        return (void*)first;
    }
}
