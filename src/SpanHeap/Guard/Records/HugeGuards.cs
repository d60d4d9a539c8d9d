using System.Runtime.InteropServices;
using SpanHeap.Os;
using SpanHeap.Spans;

namespace SpanHeap.Guard.Records;

/// <summary>The span of a guarded block that is too large for an arena, and the memory that the platform gave for it.</summary>
[StructLayout(LayoutKind.Explicit, Size = 192)]
internal unsafe struct HugeGuard
{
    /// <summary>The span. It comes first, so that its address is this one's as well.</summary>
    [FieldOffset(0)]
    public GuardedSpan Guarded;

    [FieldOffset(128)]
    public void* Platform;

    /// <summary>The address space that the platform gave, in pages: a wide alignment takes as much again.</summary>
    [FieldOffset(136)]
    public long PlatformPages;

    /// <summary>Whether the place is taken. Used under the table's lock.</summary>
    [FieldOffset(144)]
    public bool IsTaken;

    /// <summary>Makes a huge span findable, of which all else is written: its record, then the table. Under the lock of <see cref="GuardRecords"/>.</summary>
    public static void Publish(HugeGuard* guard, ulong heapSerial)
    {
        ref GuardedSpan span = ref guard->Guarded;
        Volatile.Write(ref span.Record.Magic, GuardRecord.RecordMagic);
        Volatile.Write(ref span.Record.SpanBase, span.Span.Base);
        HugeBlockTable.AddReserved(new HugeBlock
        {
            Address = span.Span.Base,
            Size = span.Bytes,
            Platform = guard->Platform,
            HeapSerial = heapSerial,
            Guarded = (nint)guard,
        });
    }

    /// <summary>Takes a huge span out of the table and clears its record. Under the lock of <see cref="GuardRecords"/>.</summary>
    /// <remarks>As soon as the platform has the addresses, another block may get them, and the fault handler must not find this one there.</remarks>
    public static void Unlink(GuardedSpan* span)
    {
        HugeBlockTable.RemoveGuarded(span->Span.Base);
        span->Span.State = SpanState.Dead;
        Volatile.Write(ref span->Record.Magic, 0);
        Volatile.Write(ref span->Record.SpanBase, 0);
    }
}

/// <summary>
/// Lists the guarded spans of all heaps whose blocks no arena holds. The list is never freed, because a fault handler that has only an address
/// searches it.
/// </summary>
/// <remarks>
/// Thread safe. The place of a span belongs to its heap from <see cref="TryTake"/> to <see cref="Release"/>. A reader without
/// the lock uses the span base in the record, which is zero while the span must not be found, and reads the page count between two reads of it.
/// </remarks>
internal static unsafe class HugeGuards
{
    /// <summary>The number of places. Each block has some megabytes at least, so that this many fill the address space that programs have for them.</summary>
    public const int Capacity = 4096;

    private static NativeLock s_lock = new(LockRank.HugeGuards);

    // Guarded by the lock. No place before it is free.
    private static int s_firstFree;

    /// <summary>The first place. Memory of places that were never in use is untouched.</summary>
    public static HugeGuard* Table { get; } = (HugeGuard*)NativeMemory.AllocZeroed(Capacity, (nuint)sizeof(HugeGuard));

    /// <summary>Takes a place, in which all but <see cref="HugeGuard.IsTaken"/> may be left over from its last span; null when there is none.</summary>
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

    /// <summary>Gives back a place whose span no thread can find any more.</summary>
    public static void Release(HugeGuard* guard)
    {
        s_lock.Enter();
        guard->IsTaken = false;
        s_firstFree = Math.Min(s_firstFree, (int)(guard - Table));
        s_lock.Exit();
    }
}
