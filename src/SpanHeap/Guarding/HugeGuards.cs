using System.Runtime.InteropServices;
using SpanHeap.Os;

namespace SpanHeap.Guarding;

/// <summary>The span of a guarded block that is too large for an arena, and what the platform gave for it.</summary>
[StructLayout(LayoutKind.Explicit, Size = 192)]
internal unsafe struct HugeGuard
{
    /// <summary>First, so that an address of one is an address of the other.</summary>
    [FieldOffset(0)]
    public GuardedSpan Guarded;

    [FieldOffset(128)]
    public void* Platform;

    /// <summary>Pages' worth of address space that the platform gave: a wide alignment takes as much again.</summary>
    [FieldOffset(136)]
    public long PlatformPages;

    /// <summary>Whether the place is somebody's. By the table's lock.</summary>
    [FieldOffset(144)]
    public bool IsTaken;
}

/// <summary>
/// The places of all heaps' guarded spans that no arena has a place for. They stay for ever: a fault handler that has nothing but an address
/// looks through them.
/// </summary>
/// <remarks>
/// Thread safe. A span's place is its heap's from <see cref="TryTake"/> to <see cref="Release"/>. Whoever looks through them without a lock
/// goes by the record's span base, which is zero while nobody is to find it, and reads the page count between two looks at that.
/// </remarks>
internal static unsafe class HugeGuards
{
    /// <summary>Each is of some megabytes at least: as many blocks as would fill the address space that programs have for them.</summary>
    public const int Capacity = 4096;

    private static NativeLock s_lock;

    // By the lock: no place before it is free.
    private static int s_firstFree;

    /// <summary>Where they begin; untouched memory but for those in use.</summary>
    public static HugeGuard* Table { get; } = (HugeGuard*)NativeMemory.AllocZeroed(Capacity, (nuint)sizeof(HugeGuard));

    /// <summary>A place, in which everything but <see cref="HugeGuard.IsTaken"/> may be of the one before; null when there is none.</summary>
    public static HugeGuard* TryTake()
    {
        s_lock.Enter();
        int index = s_firstFree;
        while (index < Capacity && Table[index].IsTaken)
        {
            index++;
        }

        s_firstFree = Math.Min(index + 1, Capacity);
        HugeGuard* taken = index < Capacity ? Table + index : null;
        if (taken != null)
        {
            taken->IsTaken = true;
        }

        s_lock.Exit();
        return taken;
    }

    /// <summary>Gives a place back whose span nobody can find any more.</summary>
    public static void Release(HugeGuard* guard)
    {
        s_lock.Enter();
        guard->IsTaken = false;
        s_firstFree = Math.Min(s_firstFree, (int)(guard - Table));
        s_lock.Exit();
    }
}
