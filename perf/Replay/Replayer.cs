using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;
using SpanHeap.Perf.Recordings;

namespace SpanHeap.Perf.Replay;

/// <summary>The loop that is timed.</summary>
internal sealed unsafe class Replayer(int slotCount)
{
    // Pinned and managed: the table must not come from an allocator that is measured.
    private readonly nuint[] _slots = GC.AllocateArray<nuint>(slotCount, pinned: true);

    public void Run<T>(ReadOnlySpan<Operation> operations) where T : struct, IAllocator<T>, allows ref struct
    {
        fixed (nuint* slots = _slots)
        fixed (Operation* first = operations)
        {
            Loop(T.ForThisThread(), first, first + operations.Length, slots);
        }
    }

    // A method of its own, so that all registers are the loop's: what it costs is in everybody's time.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Loop<T>(T allocator, Operation* operation, Operation* end, nuint* slots)
        where T : struct, IAllocator<T>, allows ref struct
    {
        for (; operation != end; operation++)
        {
            uint slot = operation->Slot;
            uint size = operation->Size;
            if (operation->IsAlloc)
            {
                byte* block = (byte*)allocator.Alloc(size);
                if (T.HandsOutMemory)
                {
                    BlockContents.Write(block, size, slot);
                }

                slots[slot] = (nuint)block;
            }
            else
            {
                byte* block = (byte*)slots[slot];
                if (T.HandsOutMemory)
                {
                    BlockContents.Check(block, size, slot);
                }

                allocator.Free(block);
            }
        }
    }
}
