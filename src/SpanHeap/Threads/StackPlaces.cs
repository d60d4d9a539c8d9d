using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using SpanHeap.Os;

namespace SpanHeap.Threads;

/// <summary>
/// Where threads look for their records first: each MiB of the address space has a place, and a thread looks in that of an address on its stack.
/// </summary>
/// <remarks>
/// Indexed by address / 1 MiB, modulo the number of places. A thread writes its own record, by a release store, over one whose thread has ended.
/// Threads that meet in a place compare what no two have in common: the addresses of their stacks. The one that finds another's record there reads
/// its thread-static.
/// </remarks>
internal static unsafe class StackPlaces
{
    // Stacks are 8 MiB apart by default, and most programs stay within the first MiB: it takes 512 such threads before two meet in one place. There are
    // as many places as the upper bits of the lower half of an address can name, so that one shift of 32 bits gives the place of an address.
    private const int Shift = 20;
    private const int Count = 1 << (32 - Shift);

    private static readonly bool s_canFindStacks = PosixThread.IsSupported;

    // Never null, so that fast paths need no test for it.
    private static readonly nint* s_places = Make();

    /// <summary>Whether threads look here. A constant also where code is compiled ahead, whether or not the C library helps then.</summary>
    public static bool AreUsed
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => RuntimeFeature.IsDynamicCodeCompiled ? s_canFindStacks : OperatingSystem.IsLinux();
    }

    /// <summary>Looks for the record of the thread on whose stack an address lies, which is the calling thread's.</summary>
    /// <param name="address">The address of a local.</param>
    /// <param name="record">The calling thread's record if the method returns true; otherwise one that has nothing to do with it.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryFind(nuint address, out ThreadRecord* record)
    {
        nint* places = RuntimeFeature.IsDynamicCodeCompiled ? s_places : (nint*)Ahead.Places;
        if (!RuntimeFeature.IsDynamicCodeCompiled && places == null)
        {
            record = null;
            return false;
        }

        record = (ThreadRecord*)places[PlaceOf(address)];

        // Not written as a single expression: the compiler would make a number of its value.
        if (address - record->Low < record->StackBytes)
        {
            return true;
        }

        return false;
    }

    /// <summary>
    /// Puts the calling thread's record where it will look for it: in the places from an address up to the beginning of its stack, but for those where
    /// a thread that lives has its record. A fast path looks from a frame above the one from which the slow path looks, and there may be a MiB between.
    /// </summary>
    /// <param name="address">The address of a local. If it does not lie on the stack that the record knows, nothing is put.</param>
    /// <param name="own">The thread's record.</param>
    public static void Put(nuint address, ThreadRecord* own)
    {
        const nuint MiB = 1 << Shift;
        nuint end = own->Low + own->StackBytes;
        if (address - own->Low >= own->StackBytes)
        {
            return;
        }

        for (nuint at = address & ~(MiB - 1); at < end; at += MiB)
        {
            nint* place = s_places + PlaceOf(at);
            if (((ThreadRecord*)Volatile.Read(ref *place))->StackBytes == 0)
            {
                Volatile.Write(ref *place, (nint)own);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint PlaceOf(nuint address) => (uint)address >> Shift;

    private static nint* Make()
    {
        nint* places = (nint*)NativeMemory.Alloc(Count, (nuint)sizeof(nint));
        nint none = (nint)ThreadRecord.None;
        // Not with Span.Fill, which uses vectors: compiling it on first use takes more than a millisecond.
        for (int i = 0; i < Count; i++)
        {
            places[i] = none;
        }

        Volatile.Write(ref Ahead.Places, (nint)places);
        return places;
    }

    // A copy without an initializer, which code compiled ahead of time reads without asking whether it has run. Null until the places are made, which
    // the first thread that puts its record brings about. Written once, by a release store.
    private static class Ahead
    {
        public static nint Places;
    }
}
