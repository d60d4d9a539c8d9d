using System.Numerics;
using SpanHeap.Os;

namespace SpanHeap.Tracing;

/// <summary>
/// The record of a block of handle slots: which of them handles have. The slots lie elsewhere, in whole pages of the system, so that their
/// memory can be given back while the addresses, which handles have copies of, stay good. A bit for each slot follows the record.
/// </summary>
/// <remarks>
/// Lives as long as the heap. Written under the table's lock. <see cref="Older"/>, <see cref="Used"/> and the bits are read without it by
/// the collector, while no slot is taken.
/// </remarks>
internal unsafe struct HandleBlock
{
    private const int LeastBytes = 16 * 1024;
    private const int BitsPerWord = 64;

    /// <summary>Bytes of the slots of a block, which begin at a multiple of it. The place of the first has the record's address.</summary>
    public static readonly nuint SlotBytes = nuint.Max(LeastBytes, OsMemory.PageSize);

    /// <summary>Slots that handles can have.</summary>
    public static readonly int Capacity = (int)(SlotBytes / (nuint)sizeof(HandleSlot)) - 1;

    /// <summary>Bytes of a record with its bits.</summary>
    public static readonly nuint RecordBytes = (nuint)sizeof(HandleBlock) + (nuint)(Words * sizeof(ulong));

    /// <summary>The block that was made before this one. Constant.</summary>
    public HandleBlock* Older;

    /// <summary>Neighbours in the list that the block is in, if it is in one.</summary>
    public HandleBlock* Next;
    public HandleBlock* Previous;

    /// <summary>Where the slots are. Constant.</summary>
    public HandleSlot* Slots;

    /// <summary>How many blocks were made before. Constant.</summary>
    public int Index;

    /// <summary>Slots that handles have.</summary>
    public int Used;

    /// <summary>No word of bits before this has a free slot.</summary>
    public int FirstWord;

    /// <summary>Whether the slots' memory counts as the heap's.</summary>
    public bool IsCounted;

    private static int Words => (Capacity + BitsPerWord) / BitsPerWord;

    /// <summary>The block of a slot that a handle has.</summary>
    public static HandleBlock* Of(HandleSlot* slot) => *(HandleBlock**)((nuint)slot & ~(SlotBytes - 1));

    /// <summary>Takes the first free slot; there is one.</summary>
    public static HandleSlot* Take(HandleBlock* block)
    {
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
        Bits(block)[index / BitsPerWord] &= ~(1UL << (index % BitsPerWord));
        block->FirstWord = Math.Min(block->FirstWord, index / BitsPerWord);
        block->Used--;
    }

    /// <summary>The slots are to be used: those of a new block, or of one whose memory was given back.</summary>
    public static void Prepare(HandleBlock* block)
    {
        *(HandleBlock**)block->Slots = block;

        // The place of the record's address is no slot.
        Bits(block)[0] |= 1;
        block->FirstWord = 0;
    }

    /// <summary>Visits the slots that handles have.</summary>
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

    private static ulong* Bits(HandleBlock* block) => (ulong*)(block + 1);
}
