using SpanHeap.Perf.Recordings;

namespace SpanHeap.Perf.Compare.Fleet;

/// <summary>Gives the blocks of a plan their places and makes the plan repeatable.</summary>
/// <param name="sizes">The sizes of the profile.</param>
/// <param name="live">The size of each block that is live in the beginning, by the number of its place.</param>
internal sealed class FleetPass(IReadOnlyList<FleetSize> sizes, IReadOnlyList<int> live)
{
    // A place has one size for ever, so that a pass ends as it began when the same places are full.
    private readonly List<int> _kinds = [.. live];
    private readonly List<bool> _isFull = [.. Enumerable.Repeat(true, live.Count)];
    private readonly Stack<int>[] _empty = [.. sizes.Select(_ => new Stack<int>())];
    private readonly Dictionary<int, int> _slots = [];
    private readonly List<Operation> _operations = [];

    public FleetPlan Follow(IEnumerable<FleetPlan.Event> events)
    {
        foreach (FleetPlan.Event step in events)
        {
            if (step.IsBirth)
            {
                int slot = EmptySlot(step.Kind);
                _slots[step.Block] = slot;
                Alloc(slot);
            }
            else
            {
                // A block that was there in the beginning has the place of its number.
                int slot = _slots.GetValueOrDefault(step.Block, step.Block);
                Free(slot);
                _empty[step.Kind].Push(slot);
            }
        }

        Restore();
        Operation[] fill = [.. live.Select((kind, slot) => Operation.Alloc(slot, sizes[kind].Size))];
        Operation[] drain = [.. live.Select((kind, slot) => Operation.Free(slot, sizes[kind].Size))];
        return new FleetPlan(_kinds.Count, fill, [.. _operations], drain);
    }

    private int EmptySlot(int kind)
    {
        if (_empty[kind].TryPop(out int slot))
        {
            return slot;
        }

        _kinds.Add(kind);
        _isFull.Add(false);
        return _kinds.Count - 1;
    }

    /// <summary>Frees what was not there in the beginning and fills again what was. There are few: sizes keep their numbers but for chance.</summary>
    private void Restore()
    {
        for (int slot = live.Count; slot < _kinds.Count; slot++)
        {
            if (_isFull[slot])
            {
                Free(slot);
            }
        }

        for (int slot = 0; slot < live.Count; slot++)
        {
            if (!_isFull[slot])
            {
                Alloc(slot);
            }
        }
    }

    private void Alloc(int slot)
    {
        _isFull[slot] = true;
        _operations.Add(Operation.Alloc(slot, sizes[_kinds[slot]].Size));
    }

    private void Free(int slot)
    {
        _isFull[slot] = false;
        _operations.Add(Operation.Free(slot, sizes[_kinds[slot]].Size));
    }
}
