using System.Runtime.CompilerServices;

namespace SpanHeap.Traced.Collections;

/// <summary>Enumerates a list run by run, as long as the list does not change.</summary>
internal ref struct SegmentedCursor<T, TElements>
    where T : unmanaged
    where TElements : struct, IElements<T>
{
    private readonly ref SegmentedList<T, TElements> _list;
    private readonly int _version;
    private ref T _current;

    // The number of entries that follow the current one side by side, and the index of the entry after them.
    private long _left;
    private long _next;

    public SegmentedCursor(ref SegmentedList<T, TElements> list)
    {
        _list = ref list;
        _version = list.Version;
    }

    public readonly ref T Current => ref _current;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool MoveNext()
    {
        if (_version != _list.Version)
        {
            CollectionThrowHelper.ChangedMeanwhile();
        }

        // There is no call here, because it would need the cursor's address: so the cursor stays in registers.
        if (_left == 0)
        {
            if (_next == _list.Count)
            {
                return false;
            }

            _current = ref _list.At(_next);
            _left = _list.RunLength(_next) - 1;
            _next += _left + 1;
            return true;
        }

        _left--;
        _current = ref Unsafe.Add(ref _current, 1);
        return true;
    }
}
