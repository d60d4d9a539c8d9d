using System.Diagnostics;

namespace SpanHeap.Os;

/// <summary>
/// Says which locks a thread may hold when it waits for another, and knows which ones it holds. Debug builds, and builds with <c>INTERLEAVING</c>,
/// check this before each wait. Release builds contain none of it.
/// </summary>
internal static class LockOrder
{
    private const int Ranks = (int)LockRank.Metadata + 1;

#if DEBUG || INTERLEAVING
    // Ranks that the calling thread holds locks of, a bit each: no thread holds two of one rank.
    [ThreadStatic]
    private static uint t_held;
#endif

    /// <summary>Gets the ranks, one bit each, of the locks that a thread may hold when it waits for one of the given rank.</summary>
    /// <remarks>All of them stand before it in <see cref="LockRank"/>, so that no threads can wait for each other in a circle.</remarks>
    public static uint MayBeHeld(LockRank wanted) => wanted switch
    {
        LockRank.CacheRegistry => Bits(LockRank.ThreadRecord),
        LockRank.ThreadCache => Bits(LockRank.ThreadRecord),
        LockRank.CentralCache => Bits(LockRank.ThreadRecord, LockRank.ThreadCache),
        LockRank.MemoryLimit => Bits(LockRank.ThreadRecord, LockRank.CacheRegistry, LockRank.ThreadCache, LockRank.CentralCache),
        LockRank.PageHeap => Bits(LockRank.ThreadRecord, LockRank.ThreadCache, LockRank.CentralCache, LockRank.MemoryLimit),
        LockRank.MagazinePool or LockRank.MisuseLog => Bits(LockRank.ThreadRecord, LockRank.ThreadCache, LockRank.CentralCache),
        LockRank.HugeBlocks or LockRank.HugeGuards or LockRank.ArenaMap => Bits(LockRank.Guard),
        _ => 0,
    };

    /// <summary>Fails unless the calling thread may wait for a lock of a rank. It is called before the wait, when nothing has changed.</summary>
    [Conditional("DEBUG")]
    [Conditional("INTERLEAVING")]
    public static void AssertMayEnter(LockRank wanted)
    {
#if DEBUG || INTERLEAVING
        uint wrong = t_held & ~MayBeHeld(wanted);
        if (wrong != 0)
        {
            throw new InvalidOperationException($"The lock of rank {wanted} must not be waited for by a thread that holds {Describe(wrong)}.");
        }
#endif
    }

    /// <summary>
    /// Fails if the calling thread holds a lock. The lock of a thread's record is an exception, because a thread that takes the blocks on a waiting
    /// thread's stacks holds it meanwhile. For whatever may take long: calls of the system, and walks without a bound.
    /// </summary>
    [Conditional("DEBUG")]
    [Conditional("INTERLEAVING")]
    public static void AssertNoneHeld()
    {
#if DEBUG || INTERLEAVING
        uint held = t_held & ~Bits(LockRank.ThreadRecord);
        if (held != 0)
        {
            throw new InvalidOperationException($"No lock may be held here, and the thread holds {Describe(held)}.");
        }
#endif
    }

    /// <summary>Notes that the calling thread has taken a lock of a rank.</summary>
    [Conditional("DEBUG")]
    [Conditional("INTERLEAVING")]
    public static void NoteTaken(LockRank taken)
    {
#if DEBUG || INTERLEAVING
        t_held |= Bits(taken);
#endif
    }

    /// <summary>Notes that the calling thread is about to leave a lock of a rank.</summary>
    [Conditional("DEBUG")]
    [Conditional("INTERLEAVING")]
    public static void NoteLeft(LockRank left)
    {
#if DEBUG || INTERLEAVING
        t_held &= ~Bits(left);
#endif
    }

    private static uint Bits(params ReadOnlySpan<LockRank> ranks)
    {
        uint bits = 0;
        foreach (LockRank rank in ranks)
        {
            bits |= 1u << (int)rank;
        }

        return bits;
    }

    private static string Describe(uint ranks) =>
        string.Join(" and ", Enumerable.Range(0, Ranks).Where(rank => (ranks & (1u << rank)) != 0).Select(static rank => $"one of rank {(LockRank)rank}"));
}
