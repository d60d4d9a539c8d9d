using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SpanHeap.Caches;

/// <summary>
/// A thread's free blocks of one class: a stack of addresses over a magazine. Allocating pops, freeing pushes; neither touches a block.
/// </summary>
/// <remarks>
/// Belongs to its thread alone while the thread lives. All three pointers equal (as in zeroed memory) is the closed stack: it pops
/// nothing and takes nothing, so that every call of the thread comes to a slow path.
/// </remarks>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal unsafe struct ClassStack
{
    /// <summary>One past the block that is popped next.</summary>
    public nint* Top;

    /// <summary>The bottom: the first address of the magazine.</summary>
    public nint* Base;

    /// <summary>One past the last place a push may use.</summary>
    public nint* Limit;

    public readonly int Count => (int)(Top - Base);

    public readonly bool IsOpen => Base != null;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryPop(ClassStack* stack, out void* block)
    {
        nint* top = stack->Top;
        if (top == stack->Base)
        {
            block = null;
            return false;
        }

        top--;
        stack->Top = top;
        block = (void*)*top;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryPush(ClassStack* stack, void* block)
    {
        nint* top = stack->Top;
        if (top == stack->Limit)
        {
            return false;
        }

        *top = (nint)block;
        stack->Top = top + 1;
        return true;
    }

    /// <summary>Puts the stack on a magazine with so many blocks in it.</summary>
    public void Install(Magazine* magazine, int count, int capacity)
    {
        Base = Magazine.Blocks(magazine);
        Top = Base + count;
        SetCapacity(capacity);
    }

    /// <summary>Sets how many blocks it may hold; never fewer than it does.</summary>
    public void SetCapacity(int capacity) => Limit = Base + Math.Max(capacity, Count);

    /// <summary>Closes the stack and hands out its magazine with the count written in; null when it has none.</summary>
    public Magazine* Remove()
    {
        if (!IsOpen)
        {
            return null;
        }

        Magazine* magazine = Magazine.Under(Base);
        magazine->Count = Count;
        Top = Base = Limit = null;
        return magazine;
    }
}
