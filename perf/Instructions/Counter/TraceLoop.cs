using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Recordings;

namespace SpanHeap.Perf.Instructions.Counter;

/// <summary>Replays a recording in the flat form that <c>perf -- export-trace</c> writes; a round is all of it.</summary>
internal sealed unsafe class TraceLoop : CountedLoop
{
    private const int HeaderSize = 16;
    private const int SlotCountOffset = 8;

    private readonly byte[] _file;
    private readonly nuint[] _slots;

    /// <exception cref="ArgumentException">The file is no flat trace.</exception>
    public TraceLoop(string path)
    {
        _file = File.ReadAllBytes(path);
        _slots = _file.AsSpan().StartsWith("SHTRACE1"u8) && _file.Length >= HeaderSize
            ? GC.AllocateArray<nuint>((int)BitConverter.ToUInt32(_file, SlotCountOffset), pinned: true)
            : throw new ArgumentException($"{path} is no flat trace.");
    }

    // Each block that is allocated is freed.
    public override double PairsPerRound => Operations.Length / 2.0;

    private ReadOnlySpan<Operation> Operations => MemoryMarshal.Cast<byte, Operation>(_file.AsSpan(HeaderSize));

    public override uint Run<T>(long rounds)
    {
        uint difference = 0;
        fixed (Operation* first = Operations)
        fixed (nuint* slots = _slots)
        {
            for (long round = 0; round < rounds; round++)
            {
                difference |= Loop(T.ForThisThread(), first, first + Operations.Length, slots);
            }
        }

        return difference;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static uint Loop<T>(T allocator, Operation* operation, Operation* end, nuint* slots)
        where T : struct, IAllocator<T>, allows ref struct
    {
        uint difference = 0;
        for (; operation != end; operation++)
        {
            uint slot = operation->Slot;
            uint size = operation->Size;
            if (operation->IsAlloc)
            {
                byte* block = (byte*)allocator.Alloc(size);
                Touches.Write(block, size, slot);
                slots[slot] = (nuint)block;
            }
            else
            {
                byte* block = (byte*)slots[slot];
                difference |= Touches.Difference(block, size, slot);
                allocator.Free(block);
            }
        }

        return difference;
    }
}
