using System.Numerics;
using System.Runtime.CompilerServices;

namespace SpanHeap.Traced.Collections;

/// <summary>
/// An array that grows at its end. Up to a certain length it is one block; then it has segments of that length and a directory of them. So no block
/// is larger than fits in the smallest arena, and growth copies at most one segment. A zeroed array is empty.
/// </summary>
/// <typeparam name="T">The type of the elements.</typeparam>
/// <typeparam name="TElements">How elements are made and moved.</typeparam>
/// <remarks>It is a field of a block. Its references lie at <see cref="FirstOffset"/> and <see cref="SegmentsOffset"/> in it.</remarks>
internal unsafe struct SegmentedArray<T, TElements>
    where T : unmanaged
    where TElements : struct, IElements<T>
{
    public const int FirstOffset = 0;
    public const int SegmentsOffset = 8;

    // Large enough that a directory stays in the processor's caches, and a third of the largest block on Windows.
    private const int SegmentBytes = 1 << 20;

    // Of a directory.
    private const int HeaderBytes = sizeof(long);
    private const int LeastLength = 4;

    // The only segment, or the first one in the directory.
    private Traced<TracedValues<T>> _first;

    // Null while one segment is enough.
    private Traced<TracedArray<TracedValues<T>>> _segments;

    // Where the addresses of segments are: in the directory's block or, for a single segment, in _first. So reading needs no branch. This is sound
    // because blocks do not move and _segments keeps the directory; copying a list by value would break it, which no list allows.
    private nint* _addresses;
    private long _capacity;

    /// <summary>The number of elements that there is room for.</summary>
    public readonly long Capacity => _capacity;

    /// <summary>The number of elements in a segment, a power of two.</summary>
    public static long SegmentLength => 1L << Shift;

    // A constant to the JIT.
    private static int Shift => BitOperations.Log2(sizeof(T) >= SegmentBytes ? 1 : (uint)(SegmentBytes / sizeof(T)));

    /// <summary>Gets an element; callers ensure that the index is below <see cref="Capacity"/>.</summary>
    /// <remarks>
    /// It is found by address, so that the lengths of segments are not read: each would cost another cache line for nothing. Blocks do not move,
    /// and elements begin at a constant distance from a block's start.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ref T At(long index)
    {
        nint segment = _addresses[(nint)(index >> Shift)];
        return ref ((T*)(segment + TElements.HeaderBytes))[(nint)(index & (SegmentLength - 1))];
    }

    /// <summary>The number of segments.</summary>
    public readonly long Segments => (_capacity + SegmentLength - 1) >> Shift;

    /// <summary>Gets the address of a segment.</summary>
    public readonly nint SegmentAt(long number) => _addresses[(nint)number];

    /// <summary>The number of elements, among those below a count, that lie side by side from one on.</summary>
    public static long RunLength(long index, long count) => Math.Min(count - index, SegmentLength - (index & (SegmentLength - 1)));

    /// <summary>Makes room for a number of elements; new ones are zero. From the second segment on, existing elements do not move.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory. Nothing has changed, and what was allocated is garbage.</exception>
    public void Grow(scoped in TracedScope scope, long capacity)
    {
        if (capacity <= _capacity)
        {
            return;
        }

        scope.RequireOwn(in this);
        Extent before = Remember(scope);
        try
        {
            if (_capacity < SegmentLength)
            {
                GrowFirst(scope, Math.Min(capacity, SegmentLength));
            }

            while (_capacity < capacity)
            {
                AddSegment(scope);
            }
        }
        catch
        {
            GoBack(scope, before);
            throw;
        }
    }

    /// <summary>Notes the current blocks, for <see cref="GoBack"/> within the same scope: what is replaced is not freed before its end.</summary>
    public readonly Extent Remember(in TracedScope scope) => new(_first.Get(scope), _segments.Get(scope), _capacity);

    /// <summary>Undoes growth since then, if any: the elements of that time must not have been written meanwhile.</summary>
    public void GoBack(scoped in TracedScope scope, Extent before)
    {
        _first.Set(scope, before.First);
        _segments.Set(scope, before.Segments);
        _capacity = before.Capacity;
        if (before.Segments.IsNull)
        {
            _addresses = (nint*)Unsafe.AsPointer(ref _first);
            return;
        }

        // A directory that was not full has received segments of the growth.
        _addresses = (nint*)(before.Segments.Address + HeaderBytes);
        ref TracedArray<TracedValues<T>> segments = ref before.Segments.Value;
        segments.Clear(scope, _capacity >> Shift, segments.Length - (_capacity >> Shift));
    }

    /// <summary>Drops all segments but the first, whose elements stay.</summary>
    public void Shrink(scoped in TracedScope scope)
    {
        _capacity = Math.Min(_capacity, SegmentLength);
        _addresses = (nint*)Unsafe.AsPointer(ref _first);
        _segments.Set(scope, default);
    }

    private void GrowFirst(scoped in TracedScope scope, long capacity)
    {
        long length = Math.Min(SegmentLength, (long)BitOperations.RoundUpToPowerOf2((ulong)Math.Max(capacity, LeastLength)));
        TracedRef<TracedValues<T>> larger = TElements.Make(scope, length);
        if (_capacity > 0)
        {
            TElements.Copy(scope, ref At(0), ref *(T*)(larger.Address + TElements.HeaderBytes), _capacity);
        }

        _first.Set(scope, larger);
        _addresses = (nint*)Unsafe.AsPointer(ref _first);
        _capacity = length;
    }

    private void AddSegment(scoped in TracedScope scope)
    {
        long number = _capacity >> Shift;
        TracedRef<TracedValues<T>> segment = TElements.Make(scope, SegmentLength);
        TracedRef<TracedArray<TracedValues<T>>> segments = _segments.Get(scope);
        if (segments.IsNull || segments.Value.Length == number)
        {
            TracedRef<TracedArray<TracedValues<T>>> larger = scope.NewArray<TracedValues<T>>(Math.Max(LeastLength, 2 * number));
            larger.Value[0].Set(scope, _first.Get(scope));
            if (!segments.IsNull)
            {
                segments.Value.CopyTo(scope, 0, larger, 0, number);
            }

            _segments.Set(scope, larger);
            _addresses = (nint*)(larger.Address + HeaderBytes);
            segments = larger;
        }

        segments.Value[number].Set(scope, segment);
        _capacity += SegmentLength;
    }

    /// <summary>The blocks of an array, and the number of elements that they have room for.</summary>
    public readonly ref struct Extent(TracedRef<TracedValues<T>> first, TracedRef<TracedArray<TracedValues<T>>> segments, long capacity)
    {
        public TracedRef<TracedValues<T>> First { get; } = first;

        public TracedRef<TracedArray<TracedValues<T>>> Segments { get; } = segments;

        public long Capacity { get; } = capacity;
    }
}
