using System.Numerics;

namespace SpanHeap.Caches;

/// <summary>
/// How much a thread may keep on its stacks: the more threads there are and the lower the heap's limit, the less each. What all together
/// keep is then a quarter of the limit at most, also where threads wait in native code and nobody can take it from them.
/// </summary>
/// <remarks>Thread safe: what it reads may be out of date, and costs or saves a few blocks then.</remarks>
internal sealed class ParkingBudget(CacheRegistry registry, nuint limitBytes)
{
    /// <summary>Blocks that a stack may hold in any case.</summary>
    public const int FewestBlocks = 2;

    // What a thread's stacks pin when nothing is halved: about as much.
    private const nuint BytesPerThread = 1024 * 1024;

    // The part of the limit that all threads may keep together.
    private const int PartOfLimit = 4;

    // So many threads keep what they like, and many more an eighth of it: less would bring them to the slow paths too often.
    private const int UnboundedThreads = 16;
    private const int MostShiftByThreads = 3;

    // A limit must hold, whatever it costs.
    private const int MostShiftByLimit = 6;

    /// <summary>How many times the bounds of stacks are halved.</summary>
    public int Shift
    {
        get
        {
            int threads = Math.Max(registry.OwnedCount, 1);
            int byThreads = Math.Min(Halvings((nuint)threads, UnboundedThreads), MostShiftByThreads);
            if (limitBytes == 0)
            {
                return byThreads;
            }

            nuint share = limitBytes / (nuint)(PartOfLimit * threads);
            return Math.Max(byThreads, Math.Min(Halvings(BytesPerThread, Math.Max(share, 1)), MostShiftByLimit));
        }
    }

    // How often the first must be halved until it is no more than the second.
    private static int Halvings(nuint value, nuint bound) => value <= bound ? 0 : BitOperations.Log2((ulong)((value - 1) / bound)) + 1;
}
