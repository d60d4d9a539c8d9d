using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Interleaving.Scheduling;

/// <summary>Any thread, at each point, by a seed.</summary>
/// <param name="seed">The seed.</param>
/// <param name="stays">
/// How many times as often as not a thread that could go on does, before one is drawn: faults that show only while a thread gets far are found sooner.
/// </param>
internal sealed class RandomOrder(int seed, int stays = 0) : Order
{
    private readonly StressRandom _random = new((ulong)seed);

    public override string Description => $"random order, seed {seed}";

    public override int Choose(in Choice choice) =>
        stays != 0 && choice.CurrentCanGoOn && _random.Below(stays + 1) != 0 ? 0 : _random.Below(choice.Ready.Count);
}
