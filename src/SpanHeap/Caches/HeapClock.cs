namespace SpanHeap.Caches;

/// <summary>A heap's coarse time: how many rounds of maintenance there were. Tells what was used lately without asking the system for the time.</summary>
internal sealed class HeapClock
{
    // Written by the maintenance thread alone; read by any thread, which may see it late.
    private uint _now = 1;

    public uint Now => Volatile.Read(ref _now);

    public void Advance() => Volatile.Write(ref _now, _now + 1);
}
