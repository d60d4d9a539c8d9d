using System.Runtime.InteropServices;
using SpanHeap.Checks;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Tests.Interleaving;

/// <summary>The ring of freed blocks for one schedule, with few places and room for fewer bytes; it knows which blocks are in it.</summary>
/// <remarks>Used by one thread at a time, as schedules run.</remarks>
internal sealed unsafe class RingWorld : IDisposable
{
    private const int BlockBytes = 64;
    private const int MostBlocks = 16;

    private readonly MetadataAllocator _metadata = new(new OsMemory());
    private readonly MisuseLog _misuse = new();
    private readonly HashSet<nint> _inside = [];
    private readonly nint _memory;
    private int _made;
    private int _left;

    public RingWorld(int places, int blocksInBudget)
    {
        Class = SizeClasses.Of(BlockBytes);
        _memory = (nint)NativeMemory.AlignedAlloc(MostBlocks * BlockBytes, BlockBytes);

        // A block may have a sixteenth of the budget: those that count fill it up to so many.
        Ring = new FreedBlockQuarantine(_metadata, _misuse, 16 * BlockBytes, places, seed: 1);
        Spare = (16 - blocksInBudget) * BlockBytes;
        Ring.Charge(Spare);
    }

    public FreedBlockQuarantine Ring { get; }

    public uint Class { get; }

    // What counts beside the blocks.
    private int Spare { get; }

    /// <summary>Frees so many new blocks as a heap does: each displaces one, and those for which there is no room leave.</summary>
    public void Free(int count) => Free(count, block => Ring.TryAdd(block, Class, out nint leaving) ? leaving : block);

    public void Free(int count, Func<nint, nint> add)
    {
        for (int i = 0; i < count; i++)
        {
            nint block = _memory + (_made++ * BlockBytes);
            FreePoison.Fill(block, BlockBytes);
            _inside.Add(block);
            for (nint leaving = add(block); leaving != 0 || (leaving = Ring.TakeOverdue()) != 0; leaving = 0)
            {
                NoteLeft(leaving);
            }
        }
    }

    /// <summary>Empties the ring, as a heap does that is about to refuse a request.</summary>
    public void Empty()
    {
        int place = 0;
        while (Ring.TakeNext(ref place) is var block && block != 0)
        {
            NoteLeft(block);
        }
    }

    /// <summary>A block has left: it was in the ring, and is not any more.</summary>
    public void NoteLeft(nint block)
    {
        Assert.True(_inside.Remove(block), $"The block {block:x} has left twice.");
        _left++;
    }

    /// <summary>No block counts for less than it takes.</summary>
    public void Check() => Assert.True(Ring.Bytes >= Spare, "A block counts for less than nothing.");

    /// <summary>What is in the ring counts, leaves when it is emptied, and then nothing is left.</summary>
    public void AssertAllLeave()
    {
        Assert.True(Ring.Bytes - Spare == _inside.Count * BlockBytes, $"{_inside.Count} blocks of {BlockBytes} bytes count {Ring.Bytes - Spare}.");
        Empty();
        Assert.True(_inside.Count == 0, $"{_inside.Count} blocks are lost.");
        Assert.Equal((_made, (long)Spare, 0L), (_left, Ring.Bytes, (long)_misuse.Total));
    }

    public void Dispose()
    {
        _metadata.Dispose();
        NativeMemory.AlignedFree((void*)_memory);
    }
}
