namespace SpanHeap.Tests.Interleaving.Scheduling;

/// <summary>The order of another schedule, by its decisions. After the last one, and where it does not fit, the current thread goes on.</summary>
internal sealed class ReplayedOrder(IReadOnlyList<int> decisions) : Order
{
    private int _next;

    public override string Description => "replayed order";

    public override int Choose(in Choice choice)
    {
        if (_next == decisions.Count)
        {
            return 0;
        }

        int wanted = decisions[_next++];
        for (int i = 0; i < choice.Ready.Count; i++)
        {
            if (choice.Ready[i] == wanted)
            {
                return i;
            }
        }

        return 0;
    }
}
