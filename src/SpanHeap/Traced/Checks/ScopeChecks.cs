using SpanHeap.Contract;
using SpanHeap.Spans;
using SpanHeap.Traced.Contract;
using SpanHeap.Traced.Gating;
using SpanHeap.Traced.Spans;
using SpanHeap.Traced.Sweeping;

namespace SpanHeap.Traced.Checks;

/// <summary>The full checks of a scope and of what is used in it.</summary>
/// <remarks>Thread safe. Called by the thread that uses the scope.</remarks>
internal sealed unsafe class ScopeChecks(HeapIdentity heap, TracedCaches caches, Sweeper sweeper) : IOfHeap
{
    /// <summary>The serial number of the heap whose blocks are checked.</summary>
    public ulong Serial => heap.Serial;

    /// <summary>Requires that a scope is open and belongs to the calling thread.</summary>
    /// <exception cref="InvalidOperationException">It has ended or belongs to another thread.</exception>
    public void RequireOpen(TracedCache* cache, ulong number, int depth)
    {
        if (caches.FindOwn() != cache || cache->Depth < depth || cache->Scopes.At(depth) != number)
        {
            throw new InvalidOperationException("The scope has ended or belongs to another thread.");
        }
    }

    /// <summary>Whether a scope ended because its Yield failed, on the calling thread.</summary>
    public bool IsOverByYield(TracedCache* cache, ulong number) => caches.FindOwn() == cache && cache->FailedScope == number;

    /// <summary>Requires that a stored reference is nothing or a block of this heap.</summary>
    /// <exception cref="HeapCorruptionException">It is neither.</exception>
    public void RequireBlock(nint address)
    {
        if (address != 0 && !IsBlock(address))
        {
            throw new HeapCorruptionException($"0x{address:x} is stored as a reference but is not a traced block of the heap '{heap.Name}'.", address, null);
        }
    }

    /// <summary>Requires that the calling thread is in a scope and uses a live block of this heap.</summary>
    /// <exception cref="InvalidOperationException">The thread is in no scope of the heap.</exception>
    /// <exception cref="HeapCorruptionException">It is not a live block.</exception>
    public void RequireUsable(nint address)
    {
        TracedCache* cache = caches.FindOwn();
        if (cache == null || cache->Depth == 0)
        {
            throw new InvalidOperationException(
                $"The calling thread is in no scope of the heap '{heap.Name}', which 0x{address:x} is a block of: use blocks between Enter() and the end of the scope.");
        }

        if (!IsBlock(address))
        {
            throw new HeapCorruptionException(
                $"0x{address:x} is used as a traced block of the heap '{heap.Name}' but is not one, or has died: keep what must live beyond its scope in a handle, a root array or a block.",
                address,
                null);
        }
    }

    /// <summary>
    /// Requires that what is used with a scope of this heap does not lie in another heap; it may lie in no heap. This is the one check that is also
    /// made without full checks.
    /// </summary>
    /// <param name="address">The address of what is used.</param>
    /// <param name="what">What messages call it.</param>
    /// <exception cref="InvalidOperationException">It lies in another heap with traced memory.</exception>
    public void RequireOwn(nint address, string what)
    {
        if (!ArenaMap.IsInArenaOf(heap.Serial, address) && HeapNames.Find(address) is { } other)
        {
            ThrowHelper.OtherHeap(what, other, heap.Name);
        }
    }

    private bool IsBlock(nint address) => TracedLookup.IsBlock(address, heap.Serial, SweepGeneration.AllocBitmap(sweeper.Generation));
}
