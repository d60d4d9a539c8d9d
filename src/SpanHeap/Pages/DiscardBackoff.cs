using SpanHeap.Os;

namespace SpanHeap.Pages;

/// <summary>
/// Gives memory back to the system, and knows when the system will not take it: after many refusals in a row, as in a sandbox that denies
/// the call or a process whose memory is locked, it asks again only after a pause, which doubles each time.
/// </summary>
/// <remarks>Thread safe. Two threads that are refused at the same time may count as one.</remarks>
internal sealed class DiscardBackoff(OsMemory os, HeapEpoch clock)
{
    /// <summary>
    /// The number of refusals in a row that begins a pause. It is more than a single refused page costs while its run is halved until the
    /// page stands alone.
    /// </summary>
    public const int MostRefusals = 16;

    /// <summary>The length of the first pause in ticks of the clock.</summary>
    public const uint FirstPause = 4;

    /// <summary>The length of the longest pause in ticks of the clock.</summary>
    public const uint LongestPause = 128;

    private int _refusals;

    // Interlocked, by any thread that gives memory back.
    private long _bytesDiscarded;

    private DoublingPause _pause = new(FirstPause, LongestPause);

    /// <summary>Whether <see cref="TryDiscard"/> asks the system at the moment.</summary>
    public bool MayTry => Volatile.Read(ref _refusals) < MostRefusals || _pause.HasEnded(clock.Now);

    /// <summary>The number of bytes given back so far, where a byte counts each time.</summary>
    public long BytesDiscarded => Volatile.Read(ref _bytesDiscarded);

    /// <summary>Ends a pause, because the program wants memory to go back now.</summary>
    public void EndPause() => _pause.End(clock.Now);

    /// <summary>Gives the memory of whole system pages back and keeps their addresses. The caller must hold no lock.</summary>
    /// <returns>False when the system refused, or was not asked.</returns>
    public bool TryDiscard(nint address, nuint bytes)
    {
        if (!MayTry)
        {
            return false;
        }

        if (os.Discard(address, bytes))
        {
            Interlocked.Add(ref _bytesDiscarded, (long)bytes);
            Volatile.Write(ref _refusals, 0);
            _pause.Reset();
            return true;
        }

        if (Interlocked.Increment(ref _refusals) >= MostRefusals)
        {
            _pause.Lengthen(clock.Now);
            Volatile.Write(ref _refusals, MostRefusals);
        }

        return false;
    }
}
