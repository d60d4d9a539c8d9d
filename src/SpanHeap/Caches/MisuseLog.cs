using SpanHeap.Os;

namespace SpanHeap.Caches;

/// <summary>Misuse found late, when blocks return to their spans: kept until somebody can be told without a lock held.</summary>
/// <remarks>Thread safe. Recording allocates nothing and never fails; beyond its capacity it only counts.</remarks>
internal sealed class MisuseLog
{
    private const int Capacity = 64;

    private readonly (nint Address, MisuseKind Kind)[] _entries = new (nint, MisuseKind)[Capacity];
    private NativeLock _lock;
    private int _pending;
    private long _total;

    /// <summary>All misuse ever found late.</summary>
    public long Total => Volatile.Read(ref _total);

    public bool HasPending => Volatile.Read(ref _pending) != 0;

    public void Record(nint address, MisuseKind kind)
    {
        _lock.Enter();
        if (_pending < Capacity)
        {
            _entries[_pending++] = (address, kind);
        }

        _total++;
        _lock.Exit();
    }

    /// <summary>Takes what was recorded since the last call. Call without a lock: it allocates.</summary>
    public (nint Address, MisuseKind Kind)[] Take()
    {
        var taken = new (nint Address, MisuseKind Kind)[Capacity];
        _lock.Enter();
        int count = _pending;
        for (int i = 0; i < count; i++)
        {
            taken[i] = _entries[i];
        }

        _pending = 0;
        _lock.Exit();
        return taken[..count];
    }
}
