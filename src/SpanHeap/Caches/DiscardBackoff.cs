using SpanHeap.Os;

namespace SpanHeap.Caches;

/// <summary>
/// Gives memory back to the system, and knows when the system will not take it: after many refusals in a row, as in a sandbox that denies
/// the call or a process whose memory is locked, it is asked again after a pause only, which doubles each time.
/// </summary>
/// <remarks>Thread safe. Two threads that are refused at the same time may count as one.</remarks>
internal sealed class DiscardBackoff(OsMemory os, HeapClock clock)
{
    /// <summary>
    /// Refusals in a row that begin a pause: more than one page that is refused costs while its run is halved until the page stands alone.
    /// </summary>
    public const int MostRefusals = 16;

    /// <summary>Ticks of the first pause.</summary>
    public const uint FirstPause = 4;

    /// <summary>Ticks of the longest pause.</summary>
    public const uint LongestPause = 128;

    private int _refusals;
    private uint _pause;
    private uint _retryAt;

    /// <summary>Whether the system is asked at the moment.</summary>
    public bool MayTry => Volatile.Read(ref _refusals) < MostRefusals || clock.Now >= Volatile.Read(ref _retryAt);

    /// <summary>Asks the system once more, whatever it has answered: the program wants memory to go back now.</summary>
    public void EndPause() => Volatile.Write(ref _retryAt, clock.Now);

    /// <summary>Gives the memory of whole system pages back and keeps their addresses. Call without a lock.</summary>
    /// <returns>False when the system refused, or is not asked.</returns>
    public bool TryDiscard(nint address, nuint bytes)
    {
        if (!MayTry)
        {
            return false;
        }

        if (os.Discard(address, bytes))
        {
            Volatile.Write(ref _refusals, 0);
            _pause = 0;
            return true;
        }

        if (Interlocked.Increment(ref _refusals) >= MostRefusals)
        {
            _pause = Math.Clamp(_pause * 2, FirstPause, LongestPause);
            Volatile.Write(ref _retryAt, clock.Now + _pause);
            Volatile.Write(ref _refusals, MostRefusals);
        }

        return false;
    }
}
