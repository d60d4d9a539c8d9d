using System.Runtime.CompilerServices;
using SpanHeap.Traced.Marking;
using SpanHeap.Traced.Spans;

namespace SpanHeap.Traced;

/// <summary>Receives the references that a trace function (<see cref="TracedLayout.Custom"/>) finds in a block.</summary>
/// <remarks>Fields of type <c>Traced&lt;T&gt;</c> are visited by the extension method <c>Visit</c>.</remarks>
public readonly ref struct TracedVisitor
{
    private readonly Marker? _marker;

    // Set instead of a marker, to collect what the function names.
    private readonly List<CustomPointer>? _found;
    private readonly ulong _heapSerial;
    private readonly uint _allocBitmap;
    private readonly bool _isChecked;

    internal TracedVisitor(Marker marker, ulong heapSerial, uint allocBitmap, bool isChecked)
    {
        _marker = marker;
        _heapSerial = heapSerial;
        _allocBitmap = allocBitmap;
        _isChecked = isChecked;
    }

    internal TracedVisitor(List<CustomPointer> found, ulong heapSerial, uint allocBitmap)
    {
        _found = found;
        _heapSerial = heapSerial;
        _allocBitmap = allocBitmap;
    }

    /// <summary>Visits a reference that the block holds in a form of the program's own.</summary>
    /// <param name="block">
    /// The first byte of a block of the heap, or 0. Without full checks, any other address is undefined behaviour; <see cref="VisitInterior"/>
    /// takes any address.
    /// </param>
    /// <exception cref="HeapCorruptionException">With full checks: <paramref name="block"/> is not a block of the heap.</exception>
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

    /// <summary>
    /// Visits a reference to any address inside a block, or a number that may be such an address. Slower than <see cref="Visit(nint)"/>.
    /// </summary>
    /// <param name="address">Any address; one that lies in no block of the heap is ignored.</param>
    public void VisitInterior(nint address)
    {
        if (_marker != null)
        {
            _marker.VisitInterior(address, _heapSerial);
        }
        else if (TracedLookup.TryFindBlock(address, _heapSerial, _allocBitmap, out nint block))
        {
            _found!.Add(new CustomPointer(block, IsInterior: true));
        }
    }

    private void RequireBlock(nint address)
    {
        if (address != 0 && !TracedLookup.IsBlock(address, _heapSerial, _allocBitmap))
        {
            throw new HeapCorruptionException($"A trace function visited 0x{address:x}, which is not a traced block of the heap.", address, null);
        }
    }
}
