using SpanHeap.Perf.Allocators;
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
        {
            T allocator = T.ForThisThread();
            foreach (Operation operation in operations)
            {
                int slot = operation.Slot;
                uint size = operation.Size;
                if (operation.IsAlloc)
                {
                    byte* block = (byte*)allocator.Alloc(size);
                    if (T.HandsOutMemory)
                        BlockContents.Write(block, size, slot);
                    slots[slot] = (nuint)block;
                }
                else
                {
                    byte* block = (byte*)slots[slot];
                    if (T.HandsOutMemory)
                        BlockContents.Check(block, size, slot);
                    allocator.Free(block);
                }
            }
        }
    }
}
