using System.Runtime.CompilerServices;
using SpanHeap.Tracing;

namespace SpanHeap;

/// <summary>What a trace function (<see cref="TracedLayout.Custom"/>) is given besides the block: where to say what it found.</summary>
public readonly ref struct TraceContext
{
    private readonly Marker? _marker;

    // Instead of a marker: who only wants to know.
    private readonly List<CustomPointer>? _found;
    private readonly ulong _heapSerial;
    private readonly uint _allocPlane;
    private readonly bool _isChecked;

    internal TraceContext(Marker marker, ulong heapSerial, uint allocPlane, bool isChecked)
    {
        _marker = marker;
        _heapSerial = heapSerial;
        _allocPlane = allocPlane;
        _isChecked = isChecked;
    }

    internal TraceContext(List<CustomPointer> found, ulong heapSerial, uint allocPlane)
    {
        _found = found;
        _heapSerial = heapSerial;
        _allocPlane = allocPlane;
    }

    /// <summary>The block has a reference.</summary>
    /// <typeparam name="T">What it refers to.</typeparam>
    /// <param name="field">The reference, which may refer to nothing.</param>
    /// <exception cref="HeapCorruptionException">With full checks: it refers to what is no block of the heap.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Visit<T>(in Gc<T> field)
        where T : unmanaged => Visit(field.Address);

    /// <summary>The block refers to another, in a way of the program's own.</summary>
    /// <param name="block">
    /// The first byte of a block of the heap, or 0. Without full checks, any other address is undefined behaviour:
    /// <see cref="VisitInterior"/> takes all.
    /// </param>
    /// <exception cref="HeapCorruptionException">With full checks: it is no block of the heap.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Visit(nint block)
    {
        if (_isChecked)
        {
            RequireBlock(block);
        }

        if (_found == null)
        {
            _marker!.Visit(block);
        }
        else
        {
            _found.Add(new CustomPointer(block, IsInterior: false));
        }
    }

    /// <summary>The block refers to another by any address inside that, or by what may be one. Slower than <see cref="Visit(nint)"/>.</summary>
    /// <param name="address">Any address: one that lies in no block of the heap is ignored.</param>
    public void VisitInterior(nint address)
    {
        if (_marker != null)
        {
            _marker.VisitInterior(address, _heapSerial);
        }
        else if (TracedLookup.TryFindBlock(address, _heapSerial, _allocPlane, out nint block))
        {
            _found!.Add(new CustomPointer(block, IsInterior: true));
        }
    }

    private void RequireBlock(nint address)
    {
        if (address != 0 && !TracedLookup.IsBlock(address, _heapSerial, _allocPlane))
        {
            throw new HeapCorruptionException($"A trace function visited 0x{address:x}, which is no traced block of the heap.", address, null);
        }
    }
}
