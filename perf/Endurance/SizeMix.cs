using System.Numerics;

namespace SpanHeap.Perf.Endurance;

/// <summary>Sizes as programs ask for them: each power of two as often as the next. The same seed gives the same sizes.</summary>
internal struct SizeMix(uint seed, uint min, uint max)
{
    private readonly int _doublings = BitOperations.Log2(max / min);
    // Never zero, where xorshift would stay.
    private uint _state = (seed + 1) * 0x9E3779B9 | 1;

    public uint Next()
    {
        uint low = min << (int)(Random() % (uint)_doublings);
        return low + Random() % low;
    }

    private uint Random()
    {
        _state ^= _state << 13;
        _state ^= _state >> 17;
        _state ^= _state << 5;
        return _state;
    }
}
