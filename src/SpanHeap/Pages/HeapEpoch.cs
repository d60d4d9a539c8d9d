namespace SpanHeap.Pages;

/// <summary>A heap's coarse clock: the number of maintenance rounds so far. With it, the heap knows what was used recently without asking the system for the time.</summary>
internal sealed class HeapEpoch
{
    // Written by the maintenance thread alone. Any thread reads it, and may see it late.
    private uint _now = 1;

    public uint Now => Volatile.Read(ref _now);

    public void Advance() => Volatile.Write(ref _now, _now + 1);
}
