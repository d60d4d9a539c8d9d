using SpanHeap.Traced;

namespace SpanHeap.Tests.Face;

public sealed class NativeHeapOptionsTests
{
    public static TheoryData<TimeSpan> DelaysOutOfRange => [TimeSpan.FromMilliseconds(-2), TimeSpan.FromTicks(-1), TimeSpan.FromDays(1) + TimeSpan.FromTicks(1), TimeSpan.MinValue, TimeSpan.MaxValue];

    public static TheoryData<TimeSpan> DelaysInRange => [TimeSpan.Zero, TimeSpan.FromTicks(1), TimeSpan.FromSeconds(1), TimeSpan.FromDays(1), Timeout.InfiniteTimeSpan];

    [Theory]
    [MemberData(nameof(DelaysOutOfRange))]
    public void A_delay_out_of_range_is_refused(TimeSpan delay) => AssertRefused(new NativeHeapOptions { ScavengeDelay = delay }, nameof(NativeHeapOptions.ScavengeDelay));

    [Theory]
    [MemberData(nameof(DelaysInRange))]
    public unsafe void A_delay_in_range_makes_a_heap_that_works(TimeSpan delay)
    {
        using NativeHeap heap = new(new NativeHeapOptions { ScavengeDelay = delay });
        heap.Free(heap.Alloc(100_000));
        heap.Free(heap.Alloc(100));
        heap.Trim();
    }

    [Fact]
    public void Checks_that_do_not_exist_are_refused() => AssertRefused(new NativeHeapOptions { Checks = (HeapChecks)7 }, nameof(NativeHeapOptions.Checks));

    [Fact]
    public void A_foreign_free_that_does_not_exist_is_refused() =>
        AssertRefused(new NativeHeapOptions { ForeignFree = (ForeignFree)7 }, nameof(NativeHeapOptions.ForeignFree));

    [Fact]
    public void A_misuse_response_that_does_not_exist_is_refused() =>
        AssertRefused(new NativeHeapOptions { LateMisuse = (MisuseResponse)(-1) }, nameof(NativeHeapOptions.LateMisuse));

    [Fact]
    public void A_guard_mode_that_does_not_exist_is_refused() => AssertRefused(new NativeHeapOptions { Guard = { Mode = (GuardMode)7 } }, "Guard.Mode");

    [Fact]
    public void A_guard_alignment_that_does_not_exist_is_refused() =>
        AssertRefused(new NativeHeapOptions { Guard = { Alignment = (GuardAlignment)7 } }, "Guard.Alignment");

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1_000_000_001)]
    public void A_guard_rate_out_of_range_is_refused(int rate) => AssertRefused(new NativeHeapOptions { Guard = { Rate = rate } }, "Guard.Rate");

    [Fact]
    public void Options_of_a_traced_heap_that_are_refused_are_those_of_guards_too() => AssertRefused(
        Assert.Throws<ArgumentOutOfRangeException>(static () => { using TracedHeap heap = new(new TracedHeapOptions { Guard = { Rate = 0 } }); }), "Guard.Rate");

    [Fact]
    public void A_guard_option_out_of_range_is_refused_before_its_record_file_is_made()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        AssertRefused(new NativeHeapOptions { Guard = { Mode = GuardMode.All, RecordFile = path, Rate = 0 } }, "Guard.Rate");
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void Guard_options_that_are_null_are_refused() => Assert.Throws<ArgumentNullException>(static () => new NativeHeapOptions { Guard = null! });

    [Fact]
    public void Two_heaps_may_share_their_guard_options()
    {
        GuardOptions guard = new() { Mode = GuardMode.All };
        using NativeHeap native = new(new NativeHeapOptions { Guard = guard });
        using TracedHeap traced = new(new TracedHeapOptions { Guard = guard });
        Assert.Equal((HeapChecks.Full, HeapChecks.Full, 0u), (native.Checks, traced.Native.Checks, guard.BudgetBytes));
    }

    [Fact]
    public void Options_that_are_null_are_refused() => Assert.Throws<ArgumentNullException>(static () => new NativeHeap(null!));

    [Fact]
    public void A_heap_shows_its_options()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Name = "mine", MemoryLimit = 1 << 30, Checks = HeapChecks.Full });
        Assert.Equal(("mine", (nuint)1 << 30, HeapChecks.Full, false), (heap.Name, heap.MemoryLimit, heap.Checks, heap.IsDisposed));
    }

    [Fact]
    public void A_heap_without_a_name_makes_one_up_that_no_other_has()
    {
        using NativeHeap first = new();
        using NativeHeap second = new();
        Assert.NotEmpty(first.Name);
        Assert.NotEqual(first.Name, second.Name);
    }

    [Fact]
    public unsafe void Options_changed_later_do_not_matter()
    {
        NativeHeapOptions options = new() { Checks = HeapChecks.Full, MemoryLimit = 123 << 20, Guard = { Mode = GuardMode.All, Strict = true } };
        using NativeHeap heap = new(options);
        options.Checks = HeapChecks.Standard;
        options.MemoryLimit = 0;
        options.Guard.Mode = GuardMode.Off;
        options.Guard.Strict = false;
        Assert.Equal((HeapChecks.Full, (nuint)123 << 20), (heap.Checks, heap.MemoryLimit));
        Assert.Equal((nuint)0, ((nuint)heap.Alloc(13) + 13) % SpanHeap.Os.OsMemory.PageSize);
    }

    private static void AssertRefused(NativeHeapOptions options, string option) =>
        AssertRefused(Assert.Throws<ArgumentOutOfRangeException>(() => { using NativeHeap heap = new(options); }), option);

    private static void AssertRefused(ArgumentOutOfRangeException error, string option)
    {
        Assert.Equal(option, error.ParamName);
        Assert.StartsWith(option, error.Message, StringComparison.Ordinal);
    }
}
