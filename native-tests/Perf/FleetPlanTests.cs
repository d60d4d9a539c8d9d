using SpanHeap.Perf.CommandLine;
using SpanHeap.Perf.Compare.Fleet;
using SpanHeap.Perf.Recordings;

namespace SpanHeap.Tests.Perf;

/// <summary>Blocks that follow a profile: sizes come at their rates, keep their numbers, and a pass can be repeated.</summary>
public sealed class FleetPlanTests
{
    private const uint Small = 64;
    private const uint Large = 4096;

    // Small blocks come nine times as often and live a tenth as long: at any time, some 9 are live for each 10 large ones.
    private static readonly FleetPlan s_plan = FleetPlan.Of(new FleetProfile([new FleetSize(Small, 900, 9_000), new FleetSize(Large, 100, 10_000)]));

    [Fact]
    public void A_pass_fills_only_empty_places_and_leaves_full_what_was_full()
    {
        var places = new uint[s_plan.SlotCount];
        Follow(s_plan.Fill, places);
        uint[] before = [.. places];

        Follow(s_plan.Pass, places);
        Assert.Equal(before, places);
        Follow(s_plan.Pass, places);
        Assert.Equal(before, places);

        Follow(s_plan.Drain, places);
        Assert.DoesNotContain(places, static size => size != 0);
    }

    [Fact]
    public void Sizes_come_at_their_rates()
    {
        Operation[] births = [.. s_plan.Pass.Where(static step => step.IsAlloc)];
        Assert.Equal(0.9, (double)births.Count(static step => step.Size == Small) / births.Length, tolerance: 0.01);
    }

    [Fact]
    public void What_is_live_has_the_profiles_shares_and_64_MiB_in_all()
    {
        Assert.Equal(0.9, (double)s_plan.Fill.Count(static step => step.Size == Small) / s_plan.Fill.Count(static step => step.Size == Large), tolerance: 0.01);
        Assert.Equal(64 << 20, s_plan.Fill.Sum(static step => step.Size), tolerance: 1 << 16);
    }

    [Fact]
    public void Sizes_keep_their_numbers_while_a_pass_runs()
    {
        int live = s_plan.Fill.Count(static step => step.Size == Small);
        int least = live, most = live, now = live;
        foreach (Operation step in s_plan.Pass.Where(static step => step.Size == Small))
        {
            now += step.IsAlloc ? 1 : -1;
            least = Math.Min(least, now);
            most = Math.Max(most, now);
        }

        // Chance moves the number by its square root, some 120, and the pass is long enough for six lives of a small block.
        Assert.InRange(least, live * 0.95, live);
        Assert.InRange(most, live, live * 1.05);
    }

    [Fact]
    public void A_profile_leaves_out_what_is_larger_than_a_sixteenth_of_the_heap()
    {
        using var file = new TemporaryFile("64, 900.5, 9000\n8388608, 1, 1\n");
        Assert.Equal([new FleetSize(64, 900.5, 9000)], FleetProfile.Read(file.Path).Sizes);
    }

    [Theory]
    [InlineData("64, 1", ":1: '64, 1' is not a size, a rate and a number of live blocks.")]
    [InlineData("64, 1, 1\n64, x, 1", ":2: 'x' is not a number from 0 on.")]
    [InlineData("64, -1, 1", ":1: '-1' is not a number from 0 on.")]
    [InlineData("64, 0, 1", ": no size has a rate and live blocks.")]
    public void A_wrong_line_is_named(string text, string complaint)
    {
        using var file = new TemporaryFile(text);
        Assert.Equal(file.Path + complaint, Assert.Throws<InputException>(() => FleetProfile.Read(file.Path)).Message);
    }

    private static void Follow(IEnumerable<Operation> steps, uint[] places)
    {
        foreach (Operation step in steps)
        {
            Assert.Equal(step.IsAlloc ? 0 : step.Size, places[step.Slot]);
            places[step.Slot] = step.IsAlloc ? step.Size : 0;
        }
    }

    private sealed class TemporaryFile : IDisposable
    {
        public TemporaryFile(string text) => File.WriteAllText(Path, text);

        public string Path { get; } = System.IO.Path.GetTempFileName();

        public void Dispose() => File.Delete(Path);
    }
}
