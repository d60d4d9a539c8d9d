using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Interleaving.Scheduling;

/// <summary>
/// The thread with the highest priority; at a few random points the running thread gets the lowest. Finds what needs few changes at the
/// right places far sooner than a throw of dice at each point does (Burckhardt and others: a randomized scheduler with guarantees).
/// </summary>
internal sealed class PriorityOrder : Order
{
    private readonly int _seed;
    private readonly StressRandom _random;
    private readonly HashSet<int> _changes = [];
    private readonly Dictionary<int, int> _priorities = [];
    private int _lowest;

    /// <param name="seed">Says all.</param>
    /// <param name="changes">How often the running thread is put last.</param>
    /// <param name="steps">About how many points a schedule has.</param>
    public PriorityOrder(int seed, int changes, int steps)
    {
        _seed = seed;
        _random = new StressRandom((ulong)seed);
        for (int i = 0; i < changes; i++)
        {
            _changes.Add(_random.Below(Math.Max(1, steps)));
        }
    }

    public override string Description => $"order by priorities, seed {_seed}";

    public override int Choose(in Choice choice)
    {
        // Steps of one thread alone come to no choice: a change that fell among them comes now.
        int step = choice.Step;
        if (_changes.RemoveWhere(change => change <= step) > 0 && choice.Current is { } current)
        {
            NoteSpin(current);
        }

        int best = 0;
        for (int i = 1; i < choice.Ready.Count; i++)
        {
            best = PriorityOf(choice.Ready[i]) > PriorityOf(choice.Ready[best]) ? i : best;
        }

        return best;
    }

    public override void NoteSpin(int thread) => _priorities[thread] = --_lowest;

    private int PriorityOf(int thread)
    {
        if (!_priorities.TryGetValue(thread, out int priority))
        {
            _priorities[thread] = priority = 1 + _random.Below(1000);
        }

        return priority;
    }
}
