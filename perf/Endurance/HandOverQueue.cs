namespace SpanHeap.Perf.Endurance;

/// <summary>
/// A bounded queue from one thread to one other, in batches, so that waiting costs little a block and the
/// number of live blocks is bounded by construction.
/// </summary>
internal sealed class HandOverQueue : IDisposable
{
    public const int BatchSize = 1024;

    private const int Batches = 4;

    private readonly nuint[] _blocks = GC.AllocateArray<nuint>(Batches * BatchSize, pinned: true);
    private readonly SemaphoreSlim _empty = new(Batches);
    private readonly SemaphoreSlim _full = new(0);
    private uint _written;
    private uint _read;

    /// <summary>Waits for a batch to fill.</summary>
    public Span<nuint> BeginWrite()
    {
        _empty.Wait();
        return Batch(_written++);
    }

    public void EndWrite() => _full.Release();

    /// <summary>Waits for a filled batch.</summary>
    public ReadOnlySpan<nuint> BeginRead()
    {
        _full.Wait();
        return Batch(_read++);
    }

    public void EndRead() => _empty.Release();

    public void Dispose()
    {
        _empty.Dispose();
        _full.Dispose();
    }

    private Span<nuint> Batch(uint number) => _blocks.AsSpan((int)(number % Batches) * BatchSize, BatchSize);
}
