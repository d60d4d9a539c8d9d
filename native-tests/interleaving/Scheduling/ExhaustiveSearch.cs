using SpanHeap.Os;

namespace SpanHeap.Tests.Interleaving.Scheduling;

/// <summary>
/// All schedules in which a thread that could go on loses its turn at most so many times, one after the other, depth first. Who waits
/// or ends gives way for nothing.
/// </summary>
internal sealed class ExhaustiveSearch(int preemptions)
{
    private readonly List<Node> _path = [];

    /// <summary>
    /// The order of the next schedule; to be run before <see cref="TryAdvance"/>. A schedule fails when it is not the one before up to the decision
    /// that is to differ: then something other than decisions tells schedules apart, and the search would miss some.
    /// </summary>
    public Order Next() => new PathOrder(this);

    /// <summary>Goes to the next schedule; false when all have been.</summary>
    public bool TryAdvance()
    {
        while (_path.Count > 0)
        {
            Node last = _path[^1];
            if (last.Chosen + 1 < last.Options)
            {
                _path[^1] = last with { Chosen = last.Chosen + 1 };
                return true;
            }

            _path.RemoveAt(_path.Count - 1);
        }

        return false;
    }

    private readonly record struct Node(int Chosen, int Options, bool CostsOne, int? Current, InterleavingPoint? Point, int Step);

    private sealed class PathOrder(ExhaustiveSearch search) : Order
    {
        private int _depth;
        private int _spent;

        public override string Description => "exhaustive search";

        public override int Choose(in Choice choice)
        {
            List<Node> path = search._path;
            int options = choice.CurrentCanGoOn && _spent == search.Preemptions ? 1 : choice.Ready.Count;
            Node found = new(0, options, choice.CurrentCanGoOn, choice.Current, choice.Point, choice.Step);
            if (_depth == path.Count)
            {
                path.Add(found);
            }

            Node node = path[_depth++];
            if (node with { Chosen = 0 } != found)
            {
                throw new InvalidOperationException($"The same decisions made another schedule: decision {_depth} is {found}, and was {node} before.");
            }

            _spent += node.CostsOne && node.Chosen > 0 ? 1 : 0;
            return node.Chosen;
        }
    }

    private int Preemptions => preemptions;
}
