using SpanHeap.Os;

namespace SpanHeap.Tests.Interleaving.Scheduling;

/// <summary>An order by hand: this thread to that point, then another. Without a point: to its end, or until it waits.</summary>
internal sealed class ScriptedOrder(params (int Thread, InterleavingPoint? To)[] parts) : Order
{
    private int _part;

    // Whether the part's thread has had the turn: it may stand where it shall come to once more.
    private bool _begun;

    public override string Description => $"script, in part {_part} of {parts.Length}";

    public override int Choose(in Choice choice)
    {
        while (_part < parts.Length)
        {
            (int thread, InterleavingPoint? to) = parts[_part];
            bool isThere = choice.Current == thread && to != null && choice.Point == to && _begun;
            int index = IndexOf(choice.Ready, thread);
            if (!isThere && index >= 0)
            {
                _begun = true;
                return index;
            }

            _part++;
            _begun = false;
        }

        return 0;
    }

    private static int IndexOf(IReadOnlyList<int> ready, int thread)
    {
        for (int i = 0; i < ready.Count; i++)
        {
            if (ready[i] == thread)
            {
                return i;
            }
        }

        return -1;
    }
}
