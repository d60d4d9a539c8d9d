using System.Numerics;
using SpanHeap.Os;

namespace SpanHeap.Caches;

/// <summary>
/// Determines how much a thread may keep on its stacks: the more threads there are and the lower the heap's limit, the less each may keep. All
/// threads together then keep a quarter of the limit at most, even if they wait in native code where nothing can be taken from them.
/// </summary>
/// <remarks>Thread safe. What it reads may be out of date, which costs or saves a few blocks.</remarks>
internal sealed class ParkingBudget(nuint limitBytes)
{
    /// <summary>The number of blocks that a stack may always hold.</summary>
    public const int FewestBlocks = 2;

    // About the number of bytes that a thread's stacks pin when nothing is halved.
    private const nuint BytesPerThread = 1024 * 1024;

    // The part of the limit that all threads may keep together. Three of its four parts are for blocks that share spans, one is for large blocks.
    private const int PartOfLimit = 4;
    private const int Parts = 4;

    // This many threads keep what they like, and a large number of threads an eighth of it. Less would send them to the slow paths too often.
    private const int UnboundedThreads = 16;
    private const int MostShiftByThreads = 3;

    // A limit must hold, whatever it costs.
    private const int MostShiftByLimit = 6;

    // Both are written under the registry's lock. Any thread may read them, perhaps late, and one without the other.
    private int _threads;
    private int _shift = ShiftFor(0, limitBytes);

    /// <summary>The number of threads that have a cache of the heap. Set under the registry's lock.</summary>
    public int Threads
    {
        get => Volatile.Read(ref _threads);
        set
        {
            Volatile.Write(ref _threads, value);
            Volatile.Write(ref _shift, ShiftFor(value, limitBytes));
        }
    }

    // The bytes of spans that the stacks of all threads may keep from being free. Interlocked, by any thread that opens or drains stacks.
    private long _pinned;

    /// <summary>Whether there is a limit, so that stacks are bounded by the spans that they may keep from being free.</summary>
    public bool IsBounded => limitBytes != 0;

    /// <summary>The bytes of spans that the stacks of all threads may keep from being free.</summary>
    public long Pinned => Volatile.Read(ref _pinned);

    /// <summary>
    /// Computes how many more bytes the stacks of a thread that already pins the given number may pin: what is left of the first half, which any
    /// thread may take, and the thread's share of the second half.
    /// </summary>
    public long RoomBeside(long held)
    {
        long pinned = Pinned;
        return Math.Min(MostPinned - pinned, Math.Max((MostPinned / 2) - pinned, Share - held));
    }

    private long Share => MostPinned / Math.Max(Threads, 1);

    private long MostPinned => (long)limitBytes / (PartOfLimit * Parts) * (Parts - 1);

    /// <summary>Takes bytes from that room. Returns false, with nothing changed, when there are not as many left.</summary>
    public bool TryPin(long bytes)
    {
        if (Interlocked.Add(ref _pinned, bytes) <= MostPinned)
        {
            return true;
        }

        Unpin(bytes);
        return false;
    }

    public void Unpin(long bytes)
    {
        long pinned = Interlocked.Add(ref _pinned, -bytes);
        Invariant.Assert(pinned >= 0, "No more bytes are let go than are pinned.");
    }

    /// <summary>How many times the bounds of the large blocks that a thread keeps are halved.</summary>
    public int LargeShift =>
        limitBytes == 0 ? Shift : Math.Max(Shift, Halvings(LargeCache.MaxBlockBytes, (nuint)Math.Max(Share / (Parts - 1), 1)));

    /// <summary>How many times the bounds of stacks are halved.</summary>
    public int Shift => Volatile.Read(ref _shift);

    private static int ShiftFor(int threads, nuint limitBytes)
    {
        threads = Math.Max(threads, 1);
        int byThreads = Math.Min(Halvings((nuint)threads, UnboundedThreads), MostShiftByThreads);
        if (limitBytes == 0)
        {
            return byThreads;
        }

        nuint share = limitBytes / (nuint)(PartOfLimit * threads);
        return Math.Max(byThreads, Math.Min(Halvings(BytesPerThread, Math.Max(share, 1)), MostShiftByLimit));
    }

    // How many times the value must be halved until it does not exceed the bound.
    private static int Halvings(nuint value, nuint bound) => value <= bound ? 0 : BitOperations.Log2((ulong)((value - 1) / bound)) + 1;
}
