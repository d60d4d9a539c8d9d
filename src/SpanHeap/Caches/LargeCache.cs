using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Os;
using SpanHeap.Pages;
using SpanHeap.Spans;

namespace SpanHeap.Caches;

/// <summary>
/// The blocks with spans of their own that a thread freed last: few blocks, of any class. Freeing one and allocating it again needs neither a lock
/// nor a search for pages.
/// </summary>
/// <remarks>Belongs to the cache's thread alone, like a <see cref="ClassStack"/>. All zero is the empty one.</remarks>
[StructLayout(LayoutKind.Sequential, Size = (Capacity + 2) * sizeof(long))]
internal unsafe struct LargeCache
{
    public const int Capacity = 16;

    /// <summary>The size of the largest block that is kept, though only alone: nothing can take it from a thread that waits in native code.</summary>
    public const uint MaxBlockBytes = 1024 * 1024;

    /// <summary>The bytes of all blocks together, if there are several.</summary>
    public const uint MaxBytes = 256 * 1024;

    // A block begins on a page boundary, so its class fits beside its address.
    private const ulong ClassMask = PageGeometry.PageSize - 1;

    /// <summary>The number of blocks. Written by the owning thread, read by statistics.</summary>
    public int Count;

    /// <summary>The number of bytes of these blocks.</summary>
    public uint Bytes;

    // The block freed last is last.
    private fixed ulong _blocks[Capacity];

    /// <summary>How many times both bounds are halved. Written by the owning thread.</summary>
    public int Shift;

    public readonly nint Block(int index) => (nint)(_blocks[index] & ~ClassMask);

    public readonly uint SizeClass(int index) => (uint)(_blocks[index] & ClassMask);

    /// <summary>Takes the block of a class of own spans that was freed last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryTake(uint sizeClass, out nint block)
    {
        for (int index = Count - 1; index >= 0; index--)
        {
            ulong word = _blocks[index];
            if ((word & ClassMask) == sizeClass)
            {
                block = (nint)(word - sizeClass);
                Remove(index, sizeClass);
                return true;
            }
        }

        block = 0;
        return false;
    }

    /// <summary>Adds a freed block if there is room for it.</summary>
    /// <returns>False if there is no room, or if the block is here already; the caller finds out which.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryAdd(uint sizeClass, nint block)
    {
        uint bytes = Bytes + SizeClasses.Info(sizeClass).Size;
        if (Count == Capacity || (Count > 0 && bytes > MaxBytes >> Shift) || bytes > MaxBlockBytes >> Shift || Contains(sizeClass, block))
        {
            return false;
        }

        Invariant.Assert(((ulong)block & ClassMask) == 0 && sizeClass <= ClassMask, "A block begins on a page, so that its class fits beside its address.");
        _blocks[Count++] = (ulong)block | sizeClass;
        Bytes = bytes;
        return true;
    }

    public readonly bool Contains(uint sizeClass, nint block)
    {
        for (int index = 0; index < Count; index++)
        {
            if (_blocks[index] == ((ulong)block | sizeClass))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Takes the block that has been here longest; 0 when there is none.</summary>
    public nint TakeOldest()
    {
        if (Count == 0)
        {
            return 0;
        }

        nint block = Block(0);
        Remove(0, SizeClass(0));
        return block;
    }

    private void Remove(int index, uint sizeClass)
    {
        Bytes -= SizeClasses.Info(sizeClass).Size;
        Count--;
        for (; index < Count; index++)
        {
            _blocks[index] = _blocks[index + 1];
        }
    }
}
