using SpanHeap.Os;

namespace SpanHeap.Checks;

/// <summary>Records misuse that is found late, when blocks return to their spans, until it can be reported without a lock held.</summary>
/// <remarks>Thread safe. Recording allocates nothing and never fails; beyond the capacity of the log, misuse is only counted.</remarks>
internal sealed class MisuseLog
{
    private const int Capacity = 64;

    private readonly (nint Address, MisuseKind Kind)[] _entries = new (nint, MisuseKind)[Capacity];
    private NativeLock _lock = new(LockRank.MisuseLog);
    private int _pending;
    private long _total;

    /// <summary>The number of all misuses ever found late.</summary>
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

    /// <summary>Takes what was recorded since the last call. Call without a lock, because it allocates.</summary>
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
