using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Guard;

/// <summary>
/// The errors that the test programs of hardened_malloc make, each rewritten under its name. A case is a method that makes its error in a heap;
/// those that end the process say which block they are about, as those of <see cref="GuardFaults"/> do.
/// </summary>
/// <remarks>Not included: those of sized delete, which no heap here has; mallinfo2 and malloc_info, which ask what mallinfo does.</remarks>
internal static unsafe class CorruptionCases
{
    private const int Small = 8;
    private const int Large = 256 * 1024;

    /// <summary>Errors that a heap with full checks refuses at the call, and what it says of them. So does one that guards all.</summary>
    public static readonly (string Name, Action<NativeHeap> Make, MisuseKind[] Kinds)[] Refused =
    [
        ("double_free_small", static heap => FreeTwice(heap, Small), [MisuseKind.DoubleFree]),
        ("double_free_large", static heap => FreeTwice(heap, Large), [MisuseKind.DoubleFree, MisuseKind.FreePage]),
        ("double_free_small_delayed", static heap => FreeTwiceLater(heap, Small), [MisuseKind.DoubleFree]),
        ("double_free_large_delayed", static heap => FreeTwiceLater(heap, Large), [MisuseKind.DoubleFree, MisuseKind.FreePage]),
        ("unaligned_free_small", static heap => heap.Free((byte*)heap.Alloc(16) + 1), [MisuseKind.InteriorPointer]),
        ("unaligned_free_large", static heap => heap.Free((byte*)heap.Alloc(Large) + 1), [MisuseKind.InteriorPointer]),
        ("invalid_free_unprotected", FreeOfAStackAddress, [MisuseKind.ForeignPointer]),
        ("invalid_free_protected", static heap => heap.Free((void*)0x1234_5678_9000), [MisuseKind.ForeignPointer]),
        ("invalid_free_small_region", static heap => heap.Free((byte*)heap.Alloc(16) + (128 * 1024)), [MisuseKind.FreePage, MisuseKind.InteriorPointer, MisuseKind.DoubleFree]),
        ("invalid_free_small_region_far", static heap => heap.Free((byte*)heap.Alloc(16) + (32 << 20)), [MisuseKind.FreePage, MisuseKind.ForeignPointer]),
        ("uninitialized_free", static heap => heap.Free(Unwritten(heap)), [MisuseKind.ForeignPointer]),
        ("uninitialized_realloc", static heap => heap.Realloc(Unwritten(heap), 16), [MisuseKind.ForeignPointer]),
        ("uninitialized_malloc_usable_size", static heap => heap.UsableSize(Unwritten(heap)), [MisuseKind.ForeignPointer]),
        ("unaligned_malloc_usable_size_small", static heap => heap.UsableSize((byte*)heap.Alloc(16) + 1), [MisuseKind.InteriorPointer]),
        ("invalid_malloc_usable_size_small", static heap => heap.UsableSize((byte*)heap.Alloc(16) + (128 * 1024)), [MisuseKind.FreePage, MisuseKind.InteriorPointer, MisuseKind.DoubleFree]),
        ("invalid_malloc_usable_size_small_quarantine", UsableSizeOfAFreedBlock, [MisuseKind.DoubleFree]),
    ];

    /// <summary>Errors that full checks find when the block is freed, by what is written past its end.</summary>
    public static readonly (string Name, int ByteCount, int Offset)[] Overflows =
    [
        ("overflow_small_1_byte", Small, Small),
        ("overflow_small_8_byte", Small, Small + 7),
        ("overflow_large_1_byte", Large, Large),
        ("overflow_large_8_byte", Large, Large + 7),
        ("string_overflow", 16, 16),
    ];

    /// <summary>What is no error, or one that is answered by a value; in both kinds of heap.</summary>
    public static readonly (string Name, Action<NativeHeap> Run)[] Served =
    [
        ("malloc_object_size", static heap => AssertObject(heap, 16, 0, 16)),
        ("malloc_object_size_offset", static heap => AssertObject(heap, 16, 5, 16)),
        ("malloc_object_size_zero", static heap => Assert.Equal((nuint)0, heap.UsableSize(heap.Alloc(0)) & ~(nuint)15)),
        ("invalid_malloc_object_size_small", static heap => Assert.False(heap.Contains((byte*)heap.Alloc(16) + (32 << 20)))),
        ("invalid_malloc_object_size_small_quarantine", AssertFreedBlockIsNotContained),
        ("realloc_init", AssertReallocKeepsAll),
        ("calloc_overflow", static heap => Assert.Throws<OutOfMemoryException>(() => heap.AllocZeroed(nuint.MaxValue / 2, 4))),
        ("calloc_zeroed", AssertZeroedAfterUse),
        ("malloc_zero_different", static heap => Assert.NotEqual((nint)heap.Alloc(0), (nint)heap.Alloc(0))),
        ("large_array_growth", AssertArrayGrows),
        ("impossibly_large_malloc", static heap => Assert.Throws<OutOfMemoryException>(() => heap.Alloc(nuint.MaxValue - 1000))),
        ("free_sized_small", static heap => heap.Free(heap.Alloc(Small))),
        ("free_sized_large", static heap => heap.Free(heap.Alloc(Large))),
        ("mallinfo", static heap => AssertCounted(heap)),
        ("offset", AssertAligned),
        ("uninitialized_read_small", static heap => AssertNothingOfBefore(heap, 16)),
    ];

    /// <summary>What only a heap that guards all promises.</summary>
    public static readonly (string Name, Action<NativeHeap> Run)[] ServedWhenGuarded =
    [
        ("malloc_noreuse", AssertNoReuse),
        ("uninitialized_read_large", static heap => AssertNothingOfBefore(heap, Large)),
    ];

    /// <summary>Errors that only a fault finds at once: a process that guards all ends there.</summary>
    public static TheoryData<string> Faults =>
    [
        nameof(Read_after_free_small), nameof(Read_after_free_large), nameof(Write_after_free_small), nameof(Write_after_free_large),
        nameof(Write_after_free_small_reuse), nameof(Write_after_free_large_reuse), nameof(Read_zero_size), nameof(Write_zero_size),
        nameof(Overflow_small_1_byte), nameof(Overflow_small_8_byte), nameof(Overflow_large_1_byte), nameof(Overflow_large_8_byte),
        nameof(String_overflow),
    ];

    public static void Read_after_free_small() => GuardFaults.Read(Freed(Small), 0);

    public static void Read_after_free_large() => GuardFaults.Read(Freed(Large), Large - 1);

    public static void Write_after_free_small() => GuardFaults.Write(Freed(Small), Small, 0);

    public static void Write_after_free_large() => GuardFaults.Write(Freed(Large), Large, Large - 1);

    public static void Write_after_free_small_reuse() => WriteAfterOthersCame(Small);

    public static void Write_after_free_large_reuse() => WriteAfterOthersCame(Large);

    public static void Read_zero_size() => GuardFaults.Read(GuardFaults.Guarded().Alloc(0), 0);

    public static void Write_zero_size() => GuardFaults.Write(GuardFaults.Guarded().Alloc(0), 0, 0);

    public static void Overflow_small_1_byte() => GuardFaults.Write(GuardFaults.Guarded().Alloc(Small), Small, Small);

    public static void Overflow_small_8_byte() => GuardFaults.Write(GuardFaults.Guarded().Alloc(Small), Small, Small + 7);

    public static void Overflow_large_1_byte() => GuardFaults.Write(GuardFaults.Guarded().Alloc(Large), Large, Large);

    public static void Overflow_large_8_byte() => GuardFaults.Write(GuardFaults.Guarded().Alloc(Large), Large, Large + 7);

    /// <summary>A string is written with its terminating zero into a block that has no room for it.</summary>
    public static void String_overflow() => GuardFaults.Write(GuardFaults.Guarded().Alloc(16), 16, 16);

    private static void FreeTwice(NativeHeap heap, int byteCount)
    {
        void* block = heap.Alloc((nuint)byteCount);
        heap.Free(block);
        heap.Free(block);
    }

    private static void FreeTwiceLater(NativeHeap heap, int byteCount)
    {
        void* block = heap.Alloc((nuint)byteCount);
        void* other = heap.Alloc((nuint)byteCount);
        heap.Free(block);
        heap.Free(other);
        heap.Free(block);
    }

    private static void FreeOfAStackAddress(NativeHeap heap)
    {
        long local = 0;
        heap.Free(&local);
    }

    // What is in a block that was never written to, used as a pointer.
    private static void* Unwritten(NativeHeap heap)
    {
        void** block = (void**)heap.Alloc(64);
        return *block == null ? (void*)0x1111_2222_3333 : *block;
    }

    private static void UsableSizeOfAFreedBlock(NativeHeap heap)
    {
        void* block = heap.Alloc(16);
        heap.Free(block);
        heap.UsableSize(block);
    }

    private static void AssertObject(NativeHeap heap, nuint byteCount, int offset, nuint least)
    {
        byte* block = (byte*)heap.Alloc(byteCount);
        Assert.True(heap.TryFindBlock(block + offset, out BlockInfo found));
        Assert.Equal((nint)block, found.Address);
        Assert.InRange(found.Size, least, least + 32);
    }

    private static void AssertFreedBlockIsNotContained(NativeHeap heap)
    {
        void* block = heap.Alloc(16);
        heap.Free(block);
        Assert.False(heap.Contains(block));
    }

    private static void AssertReallocKeepsAll(NativeHeap heap)
    {
        byte* block = (byte*)heap.Alloc(16);
        new System.Span<byte>(block, 16).Fill(0x5A);
        block = (byte*)heap.Realloc(block, 1024);
        Assert.Equal(-1, new System.Span<byte>(block, 16).IndexOfAnyExcept((byte)0x5A));
    }

    private static void AssertZeroedAfterUse(NativeHeap heap)
    {
        byte* used = (byte*)heap.Alloc(1000);
        new System.Span<byte>(used, 1000).Fill(0x5A);
        heap.Free(used);
        Assert.Equal(-1, new System.Span<byte>(heap.AllocZeroed(1000), 1000).IndexOfAnyExcept((byte)0));
    }

    private static void AssertArrayGrows(NativeHeap heap)
    {
        byte* array = null;
        for (int byteCount = 1; byteCount <= 4 << 20; byteCount *= 2)
        {
            array = (byte*)heap.Realloc(array, (nuint)byteCount);
            array[byteCount - 1] = 1;
        }

        heap.Free(array);
    }

    // At every alignment, and after a change of size, too.
    private static void AssertAligned(NativeHeap heap)
    {
        for (nuint alignment = 1; alignment <= 64 * 1024; alignment *= 2)
        {
            foreach (nuint byteCount in (nuint[])[0, 1, 8, 9, 24, 100, 4096, 32_760, 40_000])
            {
                byte* block = (byte*)heap.AlignedAlloc(byteCount, alignment);
                Assert.Equal((nuint)0, (nuint)block & (alignment - 1));
                Assert.Equal(byteCount, heap.UsableSize(block));
                new System.Span<byte>(block, (int)byteCount).Fill(0x5A);
                block = (byte*)heap.AlignedRealloc(block, byteCount + 1, alignment);
                Assert.Equal((nuint)0, (nuint)block & (alignment - 1));
                Assert.Equal(-1, new System.Span<byte>(block, (int)byteCount).IndexOfAnyExcept((byte)0x5A));
                heap.AlignedFree(block);
            }
        }
    }

    private static void AssertNothingOfBefore(NativeHeap heap, int byteCount)
    {
        byte* used = (byte*)heap.Alloc((nuint)byteCount);
        new System.Span<byte>(used, byteCount).Fill(0x5A);
        heap.Free(used);
        Assert.Equal(-1, new System.Span<byte>(heap.Alloc((nuint)byteCount), byteCount).IndexOf((byte)0x5A));
    }

    private static void AssertNoReuse(NativeHeap heap)
    {
        HashSet<nint> seen = [];
        for (int i = 0; i < 100; i++)
        {
            void* block = heap.Alloc(Small);
            Assert.True(seen.Add((nint)block));
            heap.Free(block);
        }
    }

    private static void AssertCounted(NativeHeap heap)
    {
        long before = heap.GetStatistics().LiveBlocks;
        heap.Alloc(Small);
        heap.Alloc(Large);
        Assert.Equal(before + 2, heap.GetStatistics().LiveBlocks);
    }

    private static void* Freed(int byteCount)
    {
        NativeHeap heap = GuardFaults.Guarded();
        void* block = heap.Alloc((nuint)byteCount);
        heap.Free(block);
        return block;
    }

    private static void WriteAfterOthersCame(int byteCount)
    {
        NativeHeap heap = GuardFaults.Guarded();
        void* block = heap.Alloc((nuint)byteCount);
        heap.Free(block);
        StressHeap.AllocateMany(heap, 20, byteCount);
        GuardFaults.Write(block, byteCount, 0);
    }
}
