using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Os;

namespace SpanHeap.Caches;

/// <summary>
/// A thread's free blocks of one class: a stack of addresses over a magazine. Allocating pops and freeing pushes; neither touches a block.
/// </summary>
/// <remarks>
/// <para>
/// What lies from <see cref="Base"/> on belongs to its thread alone while the thread lives. All three pointers equal (as in zeroed memory) means a
/// closed stack, which pops nothing and accepts nothing, so every call of the thread takes a slow path.
/// </para>
/// <para>
/// The base slides. When the stack is full, its older blocks stay where they are and <see cref="Base"/> moves up past them: they are parked, guarded
/// by the lock of the cache like a depot, of which they are a part. When the stack is empty, <see cref="Base"/> moves down again. Neither copies an
/// address.
/// </para>
/// </remarks>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal unsafe struct ClassStack
{
    /// <summary>The place after the block that is popped next.</summary>
    public nint* Top;

    /// <summary>The bottom: what lies below is parked.</summary>
    public nint* Base;

    /// <summary>The place after the last one that a push may use.</summary>
    public nint* Limit;

    /// <summary>
    /// In a heap with a limit, the number of spans that the blocks here may keep from being free, whatever is popped and pushed (see
    /// <see cref="StackRoom"/>).
    /// </summary>
    public int Pins;

    /// <summary>The number of places of the magazine below <see cref="Base"/>. Guarded by the cache's lock.</summary>
    public short Floor;

    /// <summary>The number of parked blocks, which lie directly below <see cref="Base"/>. Guarded by the cache's lock.</summary>
    public short Parked;

    // Top is never below Base, so this is a shift.
    public readonly int Count => (int)((nuint)((byte*)Top - (byte*)Base) / (nuint)sizeof(nint));

    /// <summary>The place after the last one of the magazine.</summary>
    public readonly nint* End => Base - Floor + Magazine.Capacity;

    /// <summary>The oldest block of all, parked or not.</summary>
    public readonly nint* Oldest => Base - Parked;

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

        InterleavingPoints.AtUnlocked(InterleavingPoint.StackRead);
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

        InterleavingPoints.AtUnlocked(InterleavingPoint.StackRead);
        *top = (nint)block;
        stack->Top = top + 1;
        return true;
    }

    /// <summary>
    /// Pushes a block so that another thread that reads the top sees it. For a stack that is never popped: a push reads neither the base nor what lies
    /// below the top, so a thread that holds the cache's lock may take that away at any time.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryPublish(ClassStack* stack, void* block)
    {
        nint* top = stack->Top;
        if (top == stack->Limit)
        {
            return false;
        }

        InterleavingPoints.AtUnlocked(InterleavingPoint.StackRead);
        *top = (nint)block;
        Volatile.Write(ref *(nint*)&stack->Top, (nint)(top + 1));
        return true;
    }

    /// <summary>Places the stack on a magazine that contains the given number of blocks.</summary>
    public void Install(Magazine* magazine, int count, int capacity)
    {
        Invariant.Assert(!IsOpen, "No magazine is lost when another one is installed.");
        Base = Magazine.Blocks(magazine);
        Top = Base + count;
        Floor = Parked = 0;
        SetCapacity(capacity);
    }

    /// <summary>Sets how many blocks the stack may hold, as far as its magazine goes. It is never fewer than it does hold.</summary>
    public void SetCapacity(int capacity) => SetLimit(Math.Max(capacity, Count));

    /// <summary>Sets the same bound for a stack from which a block is popped before any is pushed. That block may exceed the bound.</summary>
    public void SetCapacityAfterPop(int capacity) => SetLimit(Math.Max(capacity, Count - 1));

    /// <summary>Parks the oldest blocks of the stack or, if the count is negative, takes back the newest of those that are parked.</summary>
    public void Slide(int count)
    {
        Invariant.Assert(count <= Count && -count <= Parked, "Only what is there is parked or taken back.");
        Base += count;
        Floor += (short)count;
        Parked += (short)count;
    }

    /// <summary>Takes the oldest blocks out, some of which stay: these have been moved to <see cref="Base"/>.</summary>
    public void RemoveOldest(int count, int staying)
    {
        int newer = Count - count;
        new Span<nint>(Base + count, newer).CopyTo(new Span<nint>(Base + staying, newer));
        Top = Base + staying + newer;
    }

    /// <summary>Moves all blocks, of which none is parked, to the beginning of the magazine.</summary>
    public void MoveDown()
    {
        Invariant.Assert(Parked == 0, "No parked block is left where no count tells of it.");
        if (Floor == 0)
        {
            return;
        }

        int count = Count;
        nint* first = Base - Floor;
        new Span<nint>(Base, count).CopyTo(new Span<nint>(first, count));
        Limit -= Floor;
        Base = first;
        Top = first + count;
        Floor = 0;
    }

    /// <summary>Closes the stack and returns its magazine with the count written in; null when it has none. No block is parked.</summary>
    public Magazine* Remove()
    {
        if (!IsOpen)
        {
            return null;
        }

        MoveDown();
        Magazine* magazine = Magazine.Under(Base);
        magazine->Count = Count;
        Top = Base = Limit = null;
        return magazine;
    }

    private void SetLimit(int count)
    {
        Limit = Base + Math.Min(count, Magazine.Capacity - Floor);
        Invariant.Assert(
            Count >= 0 && Parked >= 0 && Parked <= Floor && (IsOpen ? Top <= End : Count == 0 && Floor == 0), "A stack is between the ends of its magazine.");
    }
}
