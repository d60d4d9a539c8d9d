using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Guard;

/// <summary>Each error of the suite is found.</summary>
public sealed class CorruptionTests(ITestOutputHelper output)
{
    private const int Aborted = 134;

    public static TheoryData<string> RefusedCases => [.. CorruptionCases.Refused.Select(static each => each.Name)];

    public static TheoryData<string> ServedCases => [.. CorruptionCases.Served.Select(static each => each.Name)];

    public static TheoryData<string> ServedWhenGuardedCases => [.. CorruptionCases.ServedWhenGuarded.Select(static each => each.Name)];

    public static TheoryData<string> OverflowCases => [.. CorruptionCases.Overflows.Select(static each => each.Name)];

    public static TheoryData<string> FaultingCases => CorruptionCases.Faults;

    [Theory]
    [MemberData(nameof(RefusedCases))]
    public void With_full_checks_it_is_refused(string name) => AssertRefused(name, new NativeHeapOptions { Guard = { Mode = GuardMode.Off }, Checks = HeapChecks.Full });

    [Theory]
    [MemberData(nameof(RefusedCases))]
    public void With_all_blocks_guarded_it_is_refused(string name) => AssertRefused(name, new NativeHeapOptions { Guard = { Mode = GuardMode.All } });

    [Theory]
    [MemberData(nameof(OverflowCases))]
    public unsafe void With_full_checks_an_overflow_is_found_when_the_block_is_freed(string name)
    {
        (_, int byteCount, int offset) = CorruptionCases.Overflows.First(each => each.Name == name);
        using NativeHeap heap = Checked();
        byte* block = (byte*)heap.Alloc((nuint)byteCount);
        byte before = block[offset];
        block[offset] ^= 1;

        foreach (Action call in (Action[])[() => heap.Free(block), () => heap.Realloc(block, 100_000), () => heap.UsableSize(block), heap.Verify])
        {
            HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(call);
            Assert.Equal((MisuseKind.Overflow, (nint)block), (error.Kind, error.Address));
            Assert.Contains($"is {offset - byteCount} bytes past the end of its {byteCount}.", error.Message, StringComparison.Ordinal);
        }

        block[offset] = before;
        heap.Verify();
        heap.Free(block);
        heap.Verify();
    }

    [Theory]
    [InlineData("write_after_free_small", 16, 0)]
    [InlineData("write_after_free_small", 16, 15)]
    [InlineData("write_after_free_small", 30_000, 29_999)]
    [InlineData("write_after_free_large", 100_000, 50_000)]
    public unsafe void With_full_checks_a_write_to_a_freed_block_is_found_when_it_leaves_the_quarantine(string name, int byteCount, int offset)
    {
        using NativeHeap heap = Checked();
        byte* block = (byte*)heap.Alloc((nuint)byteCount);
        heap.Free(block);
        block[offset] = 1;
        AssertFoundOnce(heap, block, name);
    }

    // Without a quarantine the first of the others would have the address, and the write would be into its block.
    [Theory]
    [InlineData("write_after_free_small_reuse", 16)]
    [InlineData("write_after_free_large_reuse", 100_000)]
    public unsafe void With_full_checks_a_write_to_a_freed_block_is_found_also_after_others_came(string name, int byteCount)
    {
        using NativeHeap heap = Checked();
        byte* block = (byte*)heap.Alloc((nuint)byteCount);
        heap.Free(block);
        nint[] others = StressHeap.AllocateMany(heap, 10, byteCount);
        Assert.DoesNotContain((nint)block, others);
        for (int i = 0; i < 10; i++)
        {
            void* other = heap.Alloc((nuint)byteCount);
            Assert.NotEqual((nint)block, (nint)other);
            heap.Free(other);
        }

        block[1] = 1;
        AssertFoundOnce(heap, block, name);
        StressHeap.FreeAll(heap, others);
        heap.Verify();
    }

    private static unsafe void AssertFoundOnce(NativeHeap heap, byte* block, string name)
    {
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(heap.Verify);
        Assert.Equal((MisuseKind.WriteAfterFree, (nint)block), (error.Kind, error.Address));
        heap.Trim();
        Assert.True(heap.GetStatistics().MisuseCount == 1, name);
        heap.Verify();
    }

    [Fact]
    public unsafe void With_full_checks_a_freed_block_shows_nothing_of_what_it_held()
    {
        using NativeHeap heap = Checked();
        byte* block = (byte*)heap.Alloc(100);
        new System.Span<byte>(block, 100).Fill(0x5A);
        heap.Free(block);

        Assert.Equal(-1, new System.Span<byte>(block, 100).IndexOf((byte)0x5A));
        Assert.Equal(-1, new System.Span<byte>(heap.Alloc(100), 100).IndexOf((byte)0x5A));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(24)]
    [InlineData(1000)]
    [InlineData(32_760)]
    [InlineData(32_768)]
    [InlineData(100_000)]
    [InlineData(5_000_000)]
    public unsafe void With_full_checks_a_block_has_the_size_that_was_asked_for_and_keeps_it_when_it_is_resized(int byteCount)
    {
        using NativeHeap heap = Checked();
        byte* block = (byte*)heap.AllocZeroed((nuint)byteCount);
        Assert.Equal((nuint)byteCount, heap.UsableSize(block));
        Assert.Equal(-1, new System.Span<byte>(block, byteCount).IndexOfAnyExcept((byte)0));
        new System.Span<byte>(block, byteCount).Fill(0x5A);
        foreach (int other in (int[])[byteCount + 1, (byteCount * 3) + 100, byteCount / 2, byteCount])
        {
            int kept = Math.Min(other, (int)heap.UsableSize(block));
            block = (byte*)heap.Realloc(block, (nuint)other);
            Assert.Equal((nuint)other, heap.UsableSize(block));
            Assert.Equal(-1, new System.Span<byte>(block, Math.Min(kept, byteCount / 2)).IndexOfAnyExcept((byte)0x5A));
            Assert.True(heap.TryFindBlock(block, out BlockInfo found));
            Assert.Equal((nuint)other, found.Size);
            new System.Span<byte>(block, other).Fill(0x5A);
            heap.Verify();
        }

        heap.Free(block);
        heap.Verify();
    }

    [Theory]
    [MemberData(nameof(ServedCases))]
    public void What_is_no_error_is_served(string name)
    {
        foreach (GuardMode guard in (GuardMode[])[GuardMode.Off, GuardMode.All])
        {
            using NativeHeap heap = new(new NativeHeapOptions { Guard = { Mode = guard }, Checks = HeapChecks.Full });
            CorruptionCases.Served.First(each => each.Name == name).Run(heap);
            heap.Verify();
        }
    }

    [Theory]
    [MemberData(nameof(ServedWhenGuardedCases))]
    public void With_all_blocks_guarded_freed_memory_does_not_come_back(string name)
    {
        using NativeHeap heap = new(new NativeHeapOptions { Guard = { Mode = GuardMode.All } });
        CorruptionCases.ServedWhenGuarded.First(each => each.Name == name).Run(heap);
        heap.Verify();
    }

    [Theory]
    [MemberData(nameof(FaultingCases))]
    public void With_all_blocks_guarded_it_ends_the_process(string name)
    {
        ChildProgram.Result child = ChildProgram.Run(typeof(CorruptionCases).GetMethod(name)!.CreateDelegate<Action>());

        output.WriteLine(child.Output + child.Error);
        Assert.NotNull(GuardFaults.BlockOf(child.Output));
        Assert.DoesNotContain(GuardFaults.Survived, child.Output, StringComparison.Ordinal);
        Assert.Equal(Aborted, child.ExitCode);
    }

    private static NativeHeap Checked() =>
        new(new NativeHeapOptions { Guard = { Mode = GuardMode.Off }, Checks = HeapChecks.Full, ScavengeDelay = Timeout.InfiniteTimeSpan });

    private static void AssertRefused(string name, NativeHeapOptions options)
    {
        (_, Action<NativeHeap> make, MisuseKind[] kinds) = CorruptionCases.Refused.First(each => each.Name == name);
        using NativeHeap heap = new(options);
        HeapCorruptionException error = Assert.Throws<HeapCorruptionException>(() => make(heap));
        Assert.Contains(error.Kind!.Value, kinds);
        heap.Verify();
    }
}
