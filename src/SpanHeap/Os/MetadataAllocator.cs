using System.Runtime.CompilerServices;

namespace SpanHeap.Os;

/// <summary>
/// Provides zeroed memory for a heap's own records. Records are never returned one by one; all are freed at once when the heap is disposed.
/// </summary>
/// <remarks>So every record stays readable, and keeps its type, for as long as any thread can hold its address.</remarks>
internal sealed unsafe class MetadataAllocator(OsMemory os) : IDisposable
{
    // The first chunk is small, because most heaps of a program may be. The largest chunks exceed the size from which the platform's allocator maps
    // separate memory, so untouched parts stay unresident.
    private const nuint FirstChunkBytes = 16 * 1024;
    private const nuint ChunkBytes = 256 * 1024;

    private const nuint Alignment = 64;

    private NativeLock _lock = new(LockRank.Metadata);

    // All fields are guarded by the lock.
    private Chunk* _chunks;
    private nint _next;
    private nint _end;

    // Added to by any thread, read at any time: the bytes obtained from the system, and how many of them were handed out.
    private long _reserved;
    private long _used;

    private struct Chunk
    {
        public Chunk* Next;
    }

    /// <summary>The bytes obtained from the system so far, except those whose memory went back, plus what others count here.</summary>
    public nuint ReservedBytes => (nuint)Volatile.Read(ref _reserved);

    /// <summary>
    /// Counts records whose memory comes from elsewhere. A negative number counts records whose memory goes back to the system while their addresses
    /// stay.
    /// </summary>
    public void Count(long bytes)
    {
        Interlocked.Add(ref _reserved, bytes);
        Interlocked.Add(ref _used, bytes);
    }

    /// <summary>The bytes of the records handed out: the most of <see cref="ReservedBytes"/> that can be resident.</summary>
    public nuint UsedBytes => (nuint)Math.Max(0, Volatile.Read(ref _used));

    /// <summary>Allocates zeroed memory aligned to a cache line. Returns null when the system has none.</summary>
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

    /// <summary>Frees every record at once. No thread may hold one any longer.</summary>
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

    // As much again as there is already, so that unused space stays a small part of the whole; room for at least two records.
    private nuint ChunkSizeFor(nuint bytes) => Math.Clamp(Math.Max(ReservedBytes, (2 * bytes) + (4 * Alignment)), FirstChunkBytes, ChunkBytes);

    // Outside the lock, because the system may take its time. Two threads may both add a chunk; the rest of the first is then lost, once. A large
    // record gets a chunk of its own, and the chunk in use stays in use.
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
