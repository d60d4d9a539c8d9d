using SpanHeap.Tests.Traced;
using SpanHeap.Traced;

namespace SpanHeap.Tests.Guard;

/// <summary>
/// Errors that end a process: each is made in a child. It says which block it is about, then touches what it must not; what it says
/// afterwards nothing should be written.
/// </summary>
internal static unsafe class GuardFaults
{
    public const string Survived = "the error was not caught";
    private const string Announcement = "block ";

    // More than an arena holds.
    private const int Huge = 80_000_000;

    /// <summary>The name of each error, and what its report must say besides the block.</summary>
    public static TheoryData<string, string> All => new()
    {
        { nameof(Overflow_by_1_byte), "write at {0+32}, 0 bytes past the end of a live block of 32 bytes" },
        { nameof(Overflow_by_8_bytes), "write at {0+39}, 7 bytes past the end of a live block of 32 bytes" },
        { nameof(Overflow_by_1_byte_of_an_odd_size_in_a_strict_heap), "write at {0+13}, 0 bytes past the end of a live block of 13 bytes" },
        { nameof(Overflow_read), "read at {0+32}, 0 bytes past the end of a live block of 32 bytes" },
        { nameof(Underflow_by_1_byte), "write at {0-1}, 1 bytes before the start of a live block of 24 bytes" },
        { nameof(Write_to_a_block_of_no_bytes), "write at {0+0}, 0 bytes past the end of a live block of 0 bytes" },
        { nameof(Read_after_free_small), "read at {0+4}, 4 bytes into a freed block of 24 bytes" },
        { nameof(Write_after_free_small), "write at {0+4}, 4 bytes into a freed block of 24 bytes" },
        { nameof(Read_after_free_large), "read at {0+500000}, 500000 bytes into a freed block of 1000000 bytes" },
        { nameof(Write_after_free_large), "write at {0+500000}, 500000 bytes into a freed block of 1000000 bytes" },
        { nameof(Overflow_of_a_huge_block), "write at {0+80000000}, 0 bytes past the end of a live block of 80000000 bytes" },
        { nameof(Read_after_free_huge), "read at {0+70000000}, 70000000 bytes into a freed block of 80000000 bytes" },
        { nameof(Write_after_realloc), "write at {0+0}, 0 bytes into a freed block of 24 bytes" },
        { nameof(Read_of_a_swept_traced_block), "read at {0+8}, 8 bytes into a swept block of 8192 bytes" },
        { nameof(Write_to_swept_traced_values), "write at {0+100000}, 100000 bytes into a swept block of 106496 bytes" },
        { nameof(Write_to_an_aligned_block_after_free), "write at {0+0}, 0 bytes into a freed block of 100 bytes" },
    };

    /// <summary>The address of the block that a child was about; null when it did not come to say so.</summary>
    public static nint? BlockOf(string output)
    {
        string? line = output.Split('\n').FirstOrDefault(static line => line.StartsWith(Announcement, StringComparison.Ordinal));
        return line == null ? null : nint.Parse(line[Announcement.Length..].Trim(), System.Globalization.NumberStyles.HexNumber, null);
    }

    public static Action Find(string name) => typeof(GuardFaults).GetMethod(name)!.CreateDelegate<Action>();

    public static void Overflow_by_1_byte() => Write(Guarded().Alloc(32), 32, 32);

    public static void Overflow_by_8_bytes() => Write(Guarded().Alloc(32), 32, 39);

    public static void Overflow_by_1_byte_of_an_odd_size_in_a_strict_heap() => Write(Guarded(strict: true).Alloc(13), 13, 13);

    public static void Overflow_read() => Read(Guarded().Alloc(32), 32);

    public static void Underflow_by_1_byte() => Write(Guarded(GuardAlignment.Start).Alloc(24), 24, -1);

    public static void Write_to_a_block_of_no_bytes() => Write(Guarded().Alloc(0), 0, 0);

    public static void Read_after_free_small() => Read(Freed(24), 4);

    public static void Write_after_free_small() => Write(Freed(24), 24, 4);

    public static void Read_after_free_large() => Read(Freed(1_000_000), 500_000);

    public static void Write_after_free_large() => Write(Freed(1_000_000), 1_000_000, 500_000);

    public static void Overflow_of_a_huge_block()
    {
        NativeHeap heap = Guarded();
        heap.Free(heap.Alloc(Huge));
        void* block = heap.Alloc(Huge);
        Announce(block);
        ((byte*)block)[Huge] = 1;
        Console.WriteLine(Survived);
    }

    public static void Read_after_free_huge()
    {
        NativeHeap heap = Guarded();
        _ = heap.Alloc(Huge);
        void* block = heap.Alloc(Huge);
        heap.Free(block);
        Read(block, 70_000_000);
    }

    public static void Write_after_realloc()
    {
        NativeHeap heap = Guarded();
        void* block = heap.Alloc(24);
        heap.Realloc(block, 25);
        Write(block, 24, 0);
    }

    public static void Write_to_an_aligned_block_after_free()
    {
        NativeHeap heap = Guarded();
        void* block = heap.AlignedAlloc(100, 16_384);
        heap.AlignedFree(block);
        Write(block, 100, 0);
    }

    public static void Read_of_a_swept_traced_block()
    {
        TracedHeap heap = Traced();
        nint block;
        using (TracedScope scope = heap.Enter())
        {
            block = scope.New<Node>().Address;
        }

        Sweep(heap);
        Read((void*)block, 8);
    }

    public static void Write_to_swept_traced_values()
    {
        TracedHeap heap = Traced();
        nint block;
        using (TracedScope scope = heap.Enter())
        {
            block = scope.NewValues<byte>(100_000).Address;
        }

        Sweep(heap);
        Write((void*)block, 106_496, 100_000);
    }

    private static void Sweep(TracedHeap heap)
    {
        heap.Collect();
        heap.FinishSweeping();
        heap.Verify();
    }

    private static TracedHeap Traced() => new(new TracedHeapOptions { Guard = { Mode = GuardMode.All }, ManualOnly = true });

    public static NativeHeap Guarded(GuardAlignment alignment = GuardAlignment.End, bool strict = false) =>
        new(new NativeHeapOptions { Guard = { Mode = GuardMode.All, Alignment = alignment, Strict = strict }, ScavengeDelay = Timeout.InfiniteTimeSpan });

    private static void* Freed(nuint byteCount)
    {
        NativeHeap heap = Guarded();
        byte* block = (byte*)heap.Alloc(byteCount);
        new System.Span<byte>(block, (int)byteCount).Fill(1);
        heap.Free(block);
        return block;
    }

    public static void Write(void* block, int byteCount, int offset)
    {
        Announce(block);
        if (offset < 0 || offset >= byteCount)
        {
            // All of the block itself may be written.
            new System.Span<byte>(block, byteCount).Fill(1);
        }

        ((byte*)block)[offset] = 1;
        Console.WriteLine(Survived);
    }

    public static void Read(void* block, int offset)
    {
        Announce(block);
        Console.WriteLine($"{((byte*)block)[offset]}: {Survived}");
    }

    private static void Announce(void* block)
    {
        Console.WriteLine($"{Announcement}{(nint)block:x}");
        Console.Out.Flush();
    }
}
