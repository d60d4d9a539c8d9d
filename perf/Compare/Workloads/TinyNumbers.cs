using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>
/// Numbers of a few digits as blocks of 8 to 48 bytes, in the manner of cfrac: each step adds two recent numbers into a new one, which
/// takes the place of an older one. Nearly all live for a few steps only; one in sixteen stays longer.
/// </summary>
internal sealed unsafe class TinyNumbers() : Workload(threads: 1)
{
    private const int Recent = 16;
    private const int Kept = 1024;
    private const int KeptOneIn = 16;
    private const int DigitSize = sizeof(uint);
    private const int MinDigits = 2;
    private const int MaxDigits = 12;
    private const int Chunks = 100;
    private const int StepsPerChunk = 8_000;

    private readonly nuint[] _numbers = GC.AllocateArray<nuint>(Recent + Kept, pinned: true);
    // What each number should be: two that share memory cannot both be right.
    private readonly uint[] _values = GC.AllocateArray<uint>(Recent + Kept, pinned: true);
    private uint _state;

    public override long Operations => (long)Chunks * StepsPerChunk;

    public override void Fill<T>()
    {
        T allocator = T.ForThisThread();
        for (int i = 0; i < _numbers.Length; i++)
        {
            _numbers[i] = (nuint)NewNumber(allocator, MinDigits, 0);
        }
    }

    public override void Run<T>()
    {
        _state = 1;
        fixed (nuint* numbers = _numbers)
        fixed (uint* values = _values)
        {
            for (int i = 0; i < Chunks; i++)
            {
                Loop(T.ForThisThread(), numbers, values, ref _state);
            }
        }
    }

    public override void Drain<T>()
    {
        T allocator = T.ForThisThread();
        foreach (nuint number in _numbers)
        {
            allocator.Free((void*)number);
        }

        Array.Clear(_numbers);
        Array.Clear(_values);
    }

    /// <summary>Each number is looked at when it is freed.</summary>
    public override void Verify() { }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Loop<T>(T allocator, nuint* numbers, uint* values, ref uint state)
        where T : struct, IAllocator<T>, allows ref struct
    {
        uint random = state;
        for (int step = 0; step < StepsPerChunk; step++)
        {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            uint* left = (uint*)numbers[random % Recent];
            uint* right = (uint*)numbers[(random >> 8) % Recent];
            uint digits = MinDigits + ((random >> 16) % (MaxDigits - MinDigits + 1));
            uint value = left[1] + right[1] + random;
            uint* result = NewNumber(allocator, digits, value);

            int place = (random >> 20) % KeptOneIn == 0 ? Recent + (step % Kept) : step % Recent;
            uint* old = (uint*)numbers[place];
            if (old[1] != values[place] || old[old[0] - 1] != values[place])
            {
                WrongContentsException.ThrowOverwritten((nuint)old, old[0] * DigitSize);
            }

            allocator.Free(old);
            numbers[place] = (nuint)result;
            values[place] = value;
        }

        state = random;
    }

    /// <summary>The count of digits, then digits up to the end, all alike.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint* NewNumber<T>(T allocator, uint digits, uint value) where T : struct, IAllocator<T>, allows ref struct
    {
        uint* number = (uint*)allocator.Alloc(digits * DigitSize);
        number[0] = digits;
        for (uint i = 1; i < digits; i++)
        {
            number[i] = value;
        }

        return number;
    }
}
