using System.Runtime.CompilerServices;
using SpanHeap.Os;

namespace SpanHeap.Traced.Sweeping;

/// <summary>
/// The numbers of the scopes that a thread has open, the outermost first. Each scope has its own number, which distinguishes a scope that has ended from a
/// later one at the same depth.
/// </summary>
/// <remarks>
/// Belongs to the thread; in native memory. The first few numbers lie here, the others in a table that is replaced by one twice as long: a program
/// with so many scopes has forgotten to end them, or enters one at each step of a recursion. A number stays in place when its scope ends.
/// </remarks>
internal unsafe struct ScopeNumbers
{
    private const int Here = 4;

    private fixed ulong _here[Here];
    private ulong* _more;
    private int _moreLength;

    /// <summary>The number of the scope at a depth, counted from 1; 0 if there has been none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ulong At(int depth) =>
        depth <= Here ? _here[depth - 1] : depth - Here <= _moreLength ? _more[depth - Here - 1] : 0;

    /// <summary>The number of the outermost scope.</summary>
    public ulong Outermost
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        readonly get => _here[0];
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        set => _here[0] = value;
    }

    /// <summary>Makes room for a scope at a depth.</summary>
    /// <returns>False if there is no memory for it; nothing has changed.</returns>
    public bool TryMakeRoom(int depth, MetadataAllocator metadata)
    {
        int wanted = depth - Here;
        if (wanted <= _moreLength)
        {
            return true;
        }

        int length = Math.Max(16, 2 * _moreLength);
        ulong* longer = (ulong*)metadata.Allocate((nuint)length * sizeof(ulong));
        if (longer == null)
        {
            return false;
        }

        new Span<ulong>(_more, _moreLength).CopyTo(new Span<ulong>(longer, length));
        _more = longer;
        _moreLength = length;
        return true;
    }

    /// <summary>Sets the number of a scope at a depth for which there is room.</summary>
    public void Set(int depth, ulong number)
    {
        if (depth <= Here)
        {
            _here[depth - 1] = number;
        }
        else
        {
            _more[depth - Here - 1] = number;
        }
    }
}
