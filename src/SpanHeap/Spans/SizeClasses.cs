using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Os;
using SpanHeap.Pages;

namespace SpanHeap.Spans;

/// <summary>What is known of a size class on slow paths: one cache line's half.</summary>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal struct SizeClassInfo
{
    /// <summary>Bytes of a block.</summary>
    public uint Size;

    /// <summary>Pages of a span.</summary>
    public int Pages;

    /// <summary>Blocks of a span.</summary>
    public int Slots;

    /// <summary>
    /// 2^32 / size, rounded up. Offset * reciprocal has the slot in its upper half; its lower half is below the reciprocal just if the
    /// offset is the first byte of a slot (exact for every offset in a span, which a test proves by trying them all). 1 for spans of
    /// one block, where only offset 0 is a block.
    /// </summary>
    public uint Reciprocal;

    /// <summary>Blocks that a thread's stack may hold however few the program uses: a small program should not come to slow paths all the time.</summary>
    public int MinParked;

    /// <summary>Blocks that a thread's stack may grow to hold.</summary>
    public int MaxParked;
}

/// <summary>Sizes to classes and classes to facts. Immutable, for the life of the process.</summary>
internal static unsafe class SizeClasses
{
    /// <summary>Class of a run of pages that has no class: more than <see cref="MaxClassSize"/> bytes or of a large alignment.</summary>
    public const int None = 0;

    /// <summary>Largest size on the fast path.</summary>
    public const int MaxSharedSize = SizeClassGenerator.MaxSharedSize;

    public const int MaxClassSize = SizeClassGenerator.MaxClassSize;

    /// <summary>Room for all classes in arrays by class; a test compares it with what is generated.</summary>
    public const int Capacity = 128;

    /// <summary>
    /// Number of the last class whose spans hold several blocks. A constant, because slow paths compile it in; a test compares it with what is generated.
    /// </summary>
    public const int LastShared = 73;

    /// <summary>
    /// The number of the last class whose blocks a thread that does not own them gathers before it asks whose they are: 1,024 bytes, so that a full stack
    /// of them holds as much as any other. A constant like <see cref="LastShared"/>.
    /// </summary>
    public const int LastGathered = 33;

    /// <summary>Alignments up to a page are served by classes whose size is a multiple of them.</summary>
    public const int MaxClassAlignment = PageGeometry.PageSize;

    // What a stack parks, in bytes and blocks: enough to make refills rare, little enough to lose.
    private const int MaxParkedBytes = 128 * 1024;
    private const int MaxParkedBlocks = 126;
    private const int MinParkedBytes = 8 * 1024;
    private const int MinParkedBlocks = 8;
    private const int FewestParkedBlocks = 2;

    private static readonly SizeClassInfo* s_classes = CreateClasses(out s_count);
    private static readonly int s_count;

    // [log2 of alignment][class]: the class that serves both.
    private static readonly byte* s_alignedClass = CreateAlignedLookup();

    /// <summary>Number of the last class.</summary>
    public static int Last => s_count;

    /// <summary>Whether blocks of a class (or of none) are spans of their own.</summary>
    public static bool IsOwnSpan(uint sizeClass) => sizeClass == None || sizeClass > (uint)LastShared;

    /// <summary>
    /// The class for a size up to <see cref="MaxSharedSize"/>, as page entries have it: the distance of its stack in bytes. Size 0 gets the smallest block.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint StackOffsetOf(nuint size)
    {
        Invariant.Assert(size <= MaxSharedSize, "The table ends with the largest shared size.");
        return Unsafe.Add(ref MemoryMarshal.GetReference(GranuleClasses.StackOffsets), (size + (GranuleClasses.Granule - 1)) / GranuleClasses.Granule);
    }

    /// <summary>The class for a size up to <see cref="MaxSharedSize"/>; size 0 gets the smallest block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint OfShared(nuint size) => StackOffsetOf(size) >> PageEntry.StackShift;

    /// <summary>The class for any size up to <see cref="MaxClassSize"/>.</summary>
    public static uint Of(nuint size)
    {
        if (size <= MaxSharedSize)
        {
            return OfShared(size);
        }

        Invariant.Assert(size <= MaxClassSize, "The size has a class.");

        // The largest block of a class ends a step; between two powers of two there are eight steps, or fewer where they would be
        // shorter than a page.
        uint last = (uint)size - 1;
        int doubling = BitOperations.Log2(last);
        int shift = Math.Max(doubling - 3, PageGeometry.PageShift);
        uint within = (last - (1u << doubling)) >> shift;
        return FirstOfDoubling(doubling) + within;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref readonly SizeClassInfo Info(uint sizeClass)
    {
        Invariant.Assert(sizeClass <= (uint)s_count, "The class exists.");
        return ref s_classes[sizeClass];
    }

    /// <summary>The smallest class for a size whose blocks are all aligned so; <see cref="None"/> when there is none.</summary>
    public static uint OfAligned(nuint size, nuint alignment)
    {
        Invariant.Assert(BitOperations.IsPow2(alignment), "An alignment is a power of two.");
        if (alignment > MaxClassAlignment)
        {
            return None;
        }

        size = (Math.Max(size, 1) + alignment - 1) & ~(alignment - 1);
        if (size > MaxClassSize)
        {
            return None;
        }

        uint sizeClass = Of(size);
        while (s_classes[sizeClass].Size % (uint)alignment != 0)
        {
            sizeClass++;
        }

        return sizeClass;
    }

    /// <summary>The same for fast paths: false where the answer is not a shared class.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryOfSharedAligned(nuint size, nuint alignment, out uint sizeClass)
    {
        Invariant.Assert(BitOperations.IsPow2(alignment), "An alignment is a power of two.");
        sizeClass = None;
        if (size > MaxSharedSize || alignment > MaxClassAlignment)
        {
            return false;
        }

        // A row per power of two: from a class that is large enough to the first that is also a multiple of the alignment.
        uint row = (uint)BitOperations.TrailingZeroCount(alignment);
        sizeClass = s_alignedClass[(row * Capacity) + OfShared(size)];
        return sizeClass != None;
    }

    // From the last class down: the first at or after each that is a multiple of the alignment. Here and below, what stands in static
    // fields is read once: until this class is initialized each read of one asks whether it is.
    private static byte* CreateAlignedLookup()
    {
        SizeClassInfo* classes = s_classes;
        int rows = BitOperations.Log2(MaxClassAlignment) + 1;
        byte* lookup = (byte*)NativeMemory.AllocZeroed((nuint)(rows * Capacity));
        for (int row = 0; row < rows; row++)
        {
            int aligned = None;
            for (int sizeClass = LastShared; sizeClass >= 1; sizeClass--)
            {
                aligned = (classes[sizeClass].Size & ((1u << row) - 1)) == 0 ? sizeClass : aligned;
                lookup[(row * Capacity) + sizeClass] = (byte)aligned;
            }
        }

        return lookup;
    }

    private static uint FirstOfDoubling(int doubling)
    {
        // 32 to 64 KiB has steps of a page, hence four classes; each doubling above has eight.
        int above = doubling - BitOperations.Log2((uint)MaxSharedSize);
        return LastShared + 1 + (uint)(above == 0 ? 0 : 4 + ((above - 1) * 8));
    }

    private static SizeClassInfo* CreateClasses(out int count)
    {
        SizeClass[] generated = SizeClassGenerator.Generate();
        SizeClassInfo* infos = (SizeClassInfo*)NativeMemory.AlignedAlloc((nuint)(Capacity * sizeof(SizeClassInfo)), 64);
        NativeMemory.Clear(infos, (nuint)(Capacity * sizeof(SizeClassInfo)));
        count = generated.Length;
        infos[None] = new SizeClassInfo { Slots = 1, Reciprocal = 1 };
        for (int i = 0; i < count; i++)
        {
            SizeClass made = generated[i];
            bool shared = made.Size <= MaxSharedSize;
            infos[i + 1] = new SizeClassInfo
            {
                Size = (uint)made.Size,
                Pages = made.Pages,
                Slots = made.Slots,
                Reciprocal = shared ? (uint)(((1UL << 32) + (uint)made.Size - 1) / (uint)made.Size) : 1,
                MinParked = Math.Clamp(MinParkedBytes / made.Size, FewestParkedBlocks, MinParkedBlocks),
                MaxParked = Math.Clamp(MaxParkedBytes / made.Size, FewestParkedBlocks, MaxParkedBlocks),
            };
        }

        return infos;
    }
}
