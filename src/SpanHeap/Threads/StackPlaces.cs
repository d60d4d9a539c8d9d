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

    /// <summary>Whether threads look here. Where code is compiled ahead this is known when it is compiled, and no thread finds a record if stacks are unknown.</summary>
    public static bool AreUsed
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => RuntimeFeature.IsDynamicCodeCompiled ? s_canFindStacks : OperatingSystem.IsLinux();
    }

    // A constant where code is compiled as it runs. Code compiled ahead would ask before each read whether the initializer has run.
    private static nint* First
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => RuntimeFeature.IsDynamicCodeCompiled ? s_places : Ahead.First;
    }

    /// <summary>Looks for the record of the thread on whose stack an address lies, which is the calling thread's.</summary>
    /// <param name="address">The address of a local.</param>
    /// <param name="record">What lies in the place of the address. It is another thread's, or null in code compiled ahead, if the method returns false.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryFind(nuint address, out ThreadRecord* record)
    {
        record = (ThreadRecord*)First[PlaceOf(address)];
        if ((RuntimeFeature.IsDynamicCodeCompiled || record != null) && address - record->Low < record->StackBytes)
        {
            return true;
        }

        return false;
    }

    /// <summary>Puts the calling thread's record where it will look for it, unless a thread that lives has its record there.</summary>
    /// <param name="address">The address of a local.</param>
    /// <param name="own">The thread's record, which knows its stack.</param>
    public static void Put(nuint address, ThreadRecord* own)
    {
        nint* place = First + PlaceOf(address);
        ThreadRecord* other = (ThreadRecord*)Volatile.Read(ref *place);
        if (address - own->Low < own->StackBytes && (other == null || other->StackBytes == 0))
        {
            Volatile.Write(ref *place, (nint)own);
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

        return places;
    }

    // Null at first. Code compiled ahead keeps a static without references in the image of the program: it never moves, and as it has no initializer it is
    // read without a question.
    private static class Ahead
    {
        private static Places s_ahead;

        public static nint* First
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get
            {
                ref Places places = ref s_ahead;
                return (nint*)Unsafe.AsPointer(ref places);
            }
        }

        [InlineArray(Count)]
        private struct Places
        {
            private nint _first;
        }
    }
}
