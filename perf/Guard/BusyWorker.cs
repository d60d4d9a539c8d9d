using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Guard;

/// <summary>
/// Child process: a program that does something with its memory. It copies lines of text into blocks, as many as a table has places, and
/// sums the bytes of the line that each replaces: some hundred nanoseconds of its own for each block.
/// </summary>
internal sealed unsafe class BusyWorker : IAllocatorVisitor
{
    public const string Verb = "guard-busy";

    private const int Places = 1000;
    private const int Lines = 20_000;
    private const int MostBytes = 1000;

    private readonly byte[] _text = new byte[MostBytes];
    private readonly nint[] _blocks = new nint[Places];
    private readonly int[] _lengths = new int[Places];
    private uint _random = 1;
    private ulong _sum;

    public int Visit<T>() where T : struct, IAllocator<T>, allows ref struct
    {
        new Random(1).NextBytes(_text);
        new WarmRounds(Pass<T>, check: () => { }, Lines).Serve();
        return _sum == 0 ? 1 : 0;
    }

    private void Pass<T>() where T : struct, IAllocator<T>, allows ref struct
    {
        T allocator = T.ForThisThread();
        for (int i = 0; i < Lines; i++)
        {
            _random = (_random * 1_664_525) + 1_013_904_223;
            int place = (int)((_random >> 8) % Places);
            int length = (int)((_random >> 12) % MostBytes) + 1;
            if (_blocks[place] != 0)
            {
                _sum += Sum(new ReadOnlySpan<byte>((void*)_blocks[place], _lengths[place]));
                allocator.Free((void*)_blocks[place]);
            }

            void* block = allocator.Alloc((nuint)length);
            _text.AsSpan(0, length).CopyTo(new Span<byte>(block, length));
            _blocks[place] = (nint)block;
            _lengths[place] = length;
        }
    }

    // Byte by byte: a program does more with a byte than a vector does.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong Sum(ReadOnlySpan<byte> bytes)
    {
        ulong sum = 1;
        foreach (byte value in bytes)
        {
            sum = (sum * 31) + value;
        }

        return sum;
    }
}
