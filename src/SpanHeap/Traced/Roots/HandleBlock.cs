using System.Numerics;
using SpanHeap.Os;

namespace SpanHeap.Traced.Roots;

/// <summary>
/// The record of a block of handle slots, which says which slots are taken. The slots lie elsewhere, in whole pages of the system, so that their
/// memory can be given back while their addresses, of which handles have copies, stay valid. A bit for each slot follows the record.
/// </summary>
/// <remarks>
/// Lives as long as the heap. Written under the table's lock. <see cref="Older"/>, <see cref="Used"/> and the bits are read without it by
/// the collector.
/// </remarks>
internal unsafe struct HandleBlock : ILinked<HandleBlock>
{
    private const int LeastBytes = 16 * 1024;
    private const int BitsPerWord = 64;

    /// <summary>The size of a block's slots in bytes; they begin at a multiple of it. The first slot holds the record's address instead.</summary>
    public static readonly nuint SlotBytes = nuint.Max(LeastBytes, OsMemory.PageSize);

    /// <summary>The number of slots that handles can take.</summary>
    public static readonly int Capacity = (int)(SlotBytes / (nuint)sizeof(HandleSlot)) - 1;

    /// <summary>The size of a record with its bits, in bytes.</summary>
    public static readonly nuint RecordBytes = (nuint)sizeof(HandleBlock) + (nuint)(Words * sizeof(ulong));

    /// <summary>The block that was made before this one. Constant.</summary>
    public HandleBlock* Older;

    /// <summary>Neighbours in the list that the block is in, if any.</summary>
    public HandleBlock* Next;
    public HandleBlock* Previous;

    /// <summary>Where the slots are. Constant.</summary>
    public HandleSlot* Slots;

    /// <summary>The number of blocks made before this one. Constant.</summary>
    public int Index;

    /// <summary>The number of slots that are taken.</summary>
    public int Used;

    /// <summary>No word of bits before this has a free slot.</summary>
    public int FirstWord;

    /// <summary>Whether the slots' memory counts as the heap's.</summary>
    public bool IsCounted;

    private static int Words => (Capacity + BitsPerWord) / BitsPerWord;

    /// <summary>Gets the block of a slot that is taken.</summary>
    public static HandleBlock* Of(HandleSlot* slot) => *(HandleBlock**)((nuint)slot & ~(SlotBytes - 1));

    /// <summary>Takes the first free slot; there is one.</summary>
    public static HandleSlot* Take(HandleBlock* block)
    {
        Invariant.Assert(block->Used < Capacity, "The block has a free slot.");
        ulong* words = Bits(block);
        int word = block->FirstWord;
        while (words[word] == ulong.MaxValue)
        {
            word++;
        }

        int bit = BitOperations.TrailingZeroCount(~words[word]);
        block->FirstWord = word;
        words[word] |= 1UL << bit;
        block->Used++;
        return block->Slots + (word * BitsPerWord) + bit;
    }

    /// <summary>Frees a slot that is taken.</summary>
    public static void Free(HandleBlock* block, HandleSlot* slot)
    {
        int index = (int)(slot - block->Slots);
        Invariant.Assert(index > 0 && index <= Capacity && (Bits(block)[index / BitsPerWord] >> (index % BitsPerWord) & 1) != 0, "A slot that is freed is taken.");
        Bits(block)[index / BitsPerWord] &= ~(1UL << (index % BitsPerWord));
        block->FirstWord = Math.Min(block->FirstWord, index / BitsPerWord);
        block->Used--;
    }

    /// <summary>Prepares the slots for use: those of a new block, or of one whose memory was given back.</summary>
    public static void Prepare(HandleBlock* block)
    {
        *(HandleBlock**)block->Slots = block;

        // The place that holds the record's address is not a slot.
        Bits(block)[0] |= 1;
        block->FirstWord = 0;
    }

    /// <summary>Visits the slots that are taken.</summary>
    public ref struct Walk(HandleBlock* block)
    {
        private readonly HandleBlock* _block = block;
        private int _word = -1;
        private ulong _bits;

        /// <summary>The slot.</summary>
        public HandleSlot* Current { get; private set; }

        /// <summary>Its place among those of the block, from 0.</summary>
        public readonly int Place => (int)(Current - _block->Slots) - 1;

        public bool MoveNext()
        {
            while (_bits == 0)
            {
                if (_block == null || ++_word >= Words || Volatile.Read(ref _block->Used) == 0)
                {
                    return false;
                }

                _bits = Volatile.Read(ref Bits(_block)[_word]) & ~(_word == 0 ? 1UL : 0);
            }

            Current = _block->Slots + (_word * BitsPerWord) + BitOperations.TrailingZeroCount(_bits);
            _bits &= _bits - 1;
            return true;
        }
    }

    static ref HandleBlock* ILinked<HandleBlock>.NextOf(HandleBlock* node) => ref node->Next;

    static ref HandleBlock* ILinked<HandleBlock>.PreviousOf(HandleBlock* node) => ref node->Previous;

    private static ulong* Bits(HandleBlock* block) => (ulong*)(block + 1);
}
