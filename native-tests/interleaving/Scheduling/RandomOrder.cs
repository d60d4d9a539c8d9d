using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Interleaving.Scheduling;

/// <summary>Any thread, at each point, by a seed.</summary>
internal sealed class RandomOrder(int seed) : Order
{
    private readonly StressRandom _random = new((ulong)seed);

    public override string Description => $"random order, seed {seed}";

    public override int Choose(in Choice choice) => _random.Below(choice.Ready.Count);
}
