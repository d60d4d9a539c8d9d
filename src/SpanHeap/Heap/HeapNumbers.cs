using SpanHeap.Os;

namespace SpanHeap.Heap;

/// <summary>Hands out small numbers for heaps, the lowest free one first, so that the threads' tables stay short.</summary>
/// <remarks>Thread safe. A heap that is being disposed must give its number back, so nothing here waits in a way that can be interrupted.</remarks>
internal sealed class HeapNumbers
{
    private const int NumbersPerWord = 64;

    private NativeLock _lock;

    // A bit for each number that is taken, and the first word that may have a free number. Guarded by the lock. The array is replaced by a larger
    // one, which is allocated outside the lock.
    private ulong[] _taken = new ulong[1];
    private int _firstFree;

    public int Take()
    {
        while (true)
        {
            ulong[] taken = Volatile.Read(ref _taken);
            if (TryTake(taken, out int number))
            {
                return number;
            }

            Replace(taken, new ulong[2 * taken.Length]);
        }
    }

    public void Give(int number)
    {
        int word = number / NumbersPerWord;
        _lock.Enter();
        _taken[word] &= ~(1UL << number);
        _firstFree = Math.Min(_firstFree, word);
        _lock.Exit();
    }

    // False also when the array has been replaced meanwhile; the caller then tries again.
    private bool TryTake(ulong[] taken, out int number)
    {
        number = 0;
        _lock.Enter();
        bool found = false;
        if (taken == _taken)
        {
            while (_firstFree < taken.Length && taken[_firstFree] == ulong.MaxValue)
            {
                _firstFree++;
            }

            found = _firstFree < taken.Length;
            if (found)
            {
                int bit = System.Numerics.BitOperations.TrailingZeroCount(~taken[_firstFree]);
                taken[_firstFree] |= 1UL << bit;
                number = (_firstFree * NumbersPerWord) + bit;
            }
        }

        _lock.Exit();
        return found;
    }

    private void Replace(ulong[] full, ulong[] larger)
    {
        _lock.Enter();
        if (full == _taken)
        {
            full.CopyTo(larger, 0);
            Volatile.Write(ref _taken, larger);
        }

        _lock.Exit();
    }
}
