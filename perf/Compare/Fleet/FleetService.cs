using SpanHeap.Perf.Replay;

namespace SpanHeap.Perf.Compare.Fleet;

/// <summary>Blocks of the sizes, at the rates and with the lives of one of Google's services, touched as recordings are.</summary>
internal sealed class FleetService(FleetProfile profile) : Workload(threads: 1)
{
    private const uint HugeSize = 1 << 20;

    private FleetPlan _plan = new(0, [], [], []);
    private Replayer _replayer = new(0);

    public override long Operations => _plan.Pass.Length;

    public override Needs Needs { get; } = profile.Sizes.Any(size => size.Size > HugeSize) ? Needs.Huge : Needs.Nothing;

    public override bool ShowsIdle => true;

    public override void Prepare()
    {
        _plan = FleetPlan.Of(profile);
        _replayer = new Replayer(_plan.SlotCount);
    }

    public override void Fill<T>() => _replayer.Run<T>(_plan.Fill);

    public override void Run<T>() => _replayer.Run<T>(_plan.Pass);

    public override void Drain<T>() => _replayer.Run<T>(_plan.Drain);

    /// <summary>The replayer checks each block as it frees it.</summary>
    public override void Verify() { }
}
