using System.Numerics;
using System.Runtime.CompilerServices;

namespace SpanHeap.Collections;

/// <summary>
/// An array that grows at its end: one block up to a length, then segments of that length and a directory of them, so that no block is
/// larger than the smallest arena takes and growth copies no more than one segment. Zero is an empty one.
/// </summary>
/// <typeparam name="T">What the elements are.</typeparam>
/// <typeparam name="TElements">How they are made and moved.</typeparam>
/// <remarks>A field of a block. Its references lie at <see cref="FirstOffset"/> and <see cref="SegmentsOffset"/> of it.</remarks>
internal unsafe struct SegmentedArray<T, TElements>
    where T : unmanaged
    where TElements : struct, IElements<T>
{
    public const int FirstOffset = 0;
    public const int SegmentsOffset = 8;

    // Large enough that a directory stays in the processor's caches, and a third of what a block can be on Windows.
    private const int SegmentBytes = 1 << 20;

    private const int HeaderBytes = sizeof(long);
    private const int LeastLength = 4;

    // The only segment, or the first of all in the directory.
    private Gc<TracedValues<T>> _first;

    // None while one segment is enough.
    private Gc<TracedArray<TracedValues<T>>> _segments;

    // Where the addresses of segments stand: in the directory's block, or, of a single one, in _first. So reading needs no branch. Sound,
    // because blocks do not move and _segments keeps the directory; who copies a list as a value breaks it, which no list allows.
    private nint* _addresses;
    private long _capacity;

    /// <summary>Elements there is room for.</summary>
    public readonly long Capacity => _capacity;

    /// <summary>Elements of a segment, a power of two.</summary>
    public static long SegmentLength => 1L << Shift;

    // A constant to the JIT.
    private static int Shift => BitOperations.Log2(sizeof(T) >= SegmentBytes ? 1 : (uint)(SegmentBytes / sizeof(T)));

    /// <summary>An element below <see cref="Capacity"/>, which callers see to.</summary>
    /// <remarks>
    /// By address, because the lengths of segments must not be read: each would be another line in the processor's caches for nothing.
    /// Blocks do not move, and elements begin 8 bytes from a block's start.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ref T At(long index)
    {
        nint segment = _addresses[(nint)(index >> Shift)];
        return ref ((T*)(segment + HeaderBytes))[(nint)(index & (SegmentLength - 1))];
    }

    /// <summary>How many elements lie side by side from one on, of those below a count.</summary>
    public static long RunLength(long index, long count) => Math.Min(count - index, SegmentLength - (index & (SegmentLength - 1)));

    /// <summary>Makes room for so many elements; new ones are zero. What was there stays where it is, from the second segment on.</summary>
    /// <exception cref="OutOfMemoryException">There is no memory. All is as before, and what it got until then is garbage.</exception>
    public void Grow(scoped in GcScope scope, long capacity)
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

    /// <summary>What it consists of now, for <see cref="GoBack"/> within the same scope, whose end alone frees what is replaced.</summary>
    public readonly Extent Remember(in GcScope scope) => new(_first.Get(scope), _segments.Get(scope), _capacity);

    /// <summary>Takes growth back, if there was any since: elements that were there then must not have been written meanwhile.</summary>
    public void GoBack(scoped in GcScope scope, Extent before)
    {
        _first.Set(scope, before.First);
        _segments.Set(scope, before.Segments);
        _capacity = before.Capacity;
        if (before.Segments.IsNull)
        {
            _addresses = (nint*)Unsafe.AsPointer(ref _first);
            return;
        }

        // A directory that was not full yet has got segments of the growth.
        _addresses = (nint*)(before.Segments.Address + HeaderBytes);
        ref TracedArray<TracedValues<T>> segments = ref before.Segments.Value;
        segments.Clear(scope, _capacity >> Shift, segments.Length - (_capacity >> Shift));
    }

    /// <summary>Lets all go but the first segment, whose elements stay.</summary>
    public void Shrink(scoped in GcScope scope)
    {
        _capacity = Math.Min(_capacity, SegmentLength);
        _addresses = (nint*)Unsafe.AsPointer(ref _first);
        _segments.Set(scope, default);
    }

    private void GrowFirst(scoped in GcScope scope, long capacity)
    {
        long length = Math.Min(SegmentLength, (long)BitOperations.RoundUpToPowerOf2((ulong)Math.Max(capacity, LeastLength)));
        GcRef<TracedValues<T>> larger = TElements.Make(scope, length);
        if (_capacity > 0)
        {
            TElements.Copy(scope, ref At(0), ref *(T*)(larger.Address + HeaderBytes), _capacity);
        }

        _first.Set(scope, larger);
        _addresses = (nint*)Unsafe.AsPointer(ref _first);
        _capacity = length;
    }

    private void AddSegment(scoped in GcScope scope)
    {
        long number = _capacity >> Shift;
        GcRef<TracedValues<T>> segment = TElements.Make(scope, SegmentLength);
        GcRef<TracedArray<TracedValues<T>>> segments = _segments.Get(scope);
        if (segments.IsNull || segments.Value.Length == number)
        {
            GcRef<TracedArray<TracedValues<T>>> larger = scope.NewArray<TracedValues<T>>(Math.Max(LeastLength, 2 * number));
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

    /// <summary>The blocks of an array, and the elements they have room for.</summary>
    public readonly ref struct Extent(GcRef<TracedValues<T>> first, GcRef<TracedArray<TracedValues<T>>> segments, long capacity)
    {
        public GcRef<TracedValues<T>> First { get; } = first;

        public GcRef<TracedArray<TracedValues<T>>> Segments { get; } = segments;

        public long Capacity { get; } = capacity;
    }
}
