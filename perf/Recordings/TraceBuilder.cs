using System.Runtime.InteropServices;

namespace SpanHeap.Perf.Recordings;

/// <summary>Turns addresses into slots. A freed slot is the next to be used, so the table stays dense.</summary>
internal sealed class TraceBuilder
{
    private readonly Dictionary<ulong, (int Slot, uint Size)> _live = [];
    private readonly Stack<int> _freeSlots = [];
    private readonly List<Operation> _operations = [];
    private int _slotCount;
    private int _unknownFrees;
    private int _implicitFrees;

    public int Count => _operations.Count;

    public void Alloc(ulong address, uint size)
    {
        if (_live.ContainsKey(address))
        {
            _implicitFrees++;
            Free(address);
        }

        int slot = _freeSlots.TryPop(out int reused) ? reused : _slotCount++;
        _live.Add(address, (slot, size));
        _operations.Add(Operation.Alloc(slot, size));
    }

    public void Free(ulong address)
    {
        if (!_live.Remove(address, out (int Slot, uint Size) block))
        {
            _unknownFrees++;
            return;
        }

        _freeSlots.Push(block.Slot);
        _operations.Add(Operation.Free(block.Slot, block.Size));
    }

    public AllocationTrace Build(string name)
    {
        int recorded = _operations.Count;
        foreach ((int slot, uint size) in _live.Values.OrderBy(block => block.Slot))
        {
            _operations.Add(Operation.Free(slot, size));
        }

        return new AllocationTrace(name, [.. CollectionsMarshal.AsSpan(_operations)], recorded, _slotCount, _unknownFrees, _implicitFrees);
    }
}
