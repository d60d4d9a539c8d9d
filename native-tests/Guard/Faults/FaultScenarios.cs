using System.Runtime.CompilerServices;
using SpanHeap.Os;

namespace SpanHeap.Tests.Guard.Faults;

/// <summary>What a child does to be ended by a fault, in a process with guarded blocks.</summary>
internal static unsafe class FaultScenarios
{
    public const string Caught = "the null reference was caught";

    public static void Use_after_free()
    {
        NativeHeap heap = Guarded();
        byte* block = AllocateHere(heap);
        FreeHere(heap, block);
        CatchNullReference();
        *block = 1;
    }

    public static void Use_after_free_by_native_code()
    {
        NativeHeap heap = Guarded();
        byte* block = AllocateHere(heap);
        FreeHere(heap, block);
        var clear = (delegate* unmanaged<void*, int, nuint, void*>)PosixLibrary.Find("memset");
        clear(block, 0, 24);
    }

    public static void Use_after_free_where_no_report_is_wanted()
    {
        NativeHeap heap = new(new NativeHeapOptions { Guard = { Mode = GuardMode.All, ReportFaults = false } });
        byte* block = AllocateHere(heap);
        FreeHere(heap, block);
        Console.WriteLine(heap.GetStatistics().Guard.HasFaultReport);
        *block = 1;
    }

    /// <summary>Memory of the process that no heap knows, and that faults.</summary>
    public static void Fault_outside_of_every_heap()
    {
        NativeHeap heap = Guarded();
        heap.Alloc(24);
        TouchProtected(System.Runtime.InteropServices.NativeMemory.AlignedAlloc(4 * OsMemory.PageSize, 4 * OsMemory.PageSize));
    }

    /// <summary>A block without a guard: other code has protected its pages.</summary>
    public static void Fault_in_a_block_without_guard()
    {
        NativeHeap heap = Guarded();
        heap.Alloc(24);
        TouchProtected(new NativeHeap(new NativeHeapOptions { Guard = { Mode = GuardMode.Off } }).AlignedAlloc(4 * OsMemory.PageSize, 4 * OsMemory.PageSize));
    }

    public static void Stack_overflow()
    {
        NativeHeap heap = Guarded();
        heap.Alloc(24);
        Console.WriteLine(Sink(0));
    }

    public static void Two_threads_at_once()
    {
        NativeHeap heap = Guarded();
        using Barrier barrier = new(2);
        Thread[] threads = [new(Touch), new(Touch)];
        Array.ForEach(threads, static thread => thread.Start());
        Array.ForEach(threads, static thread => thread.Join());

        void Touch()
        {
            byte* block = AllocateHere(heap);
            FreeHere(heap, block);
            barrier.SignalAndWait();
            *block = 1;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static byte* AllocateHere(NativeHeap heap) => (byte*)heap.Alloc(24);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void FreeHere(NativeHeap heap, byte* block) => heap.Free(block);

    /// <summary>By a fault, not by a check.</summary>
    public static void CatchNullReference()
    {
        try
        {
            Console.WriteLine(LengthOf(null!));
        }
        catch (NullReferenceException)
        {
            Console.WriteLine(Caught);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int LengthOf(string text) => text.Length;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Sink(int depth)
    {
        int* frame = stackalloc int[64];
        frame[depth & 63] = depth;
        return Sink(depth + 1) + frame[(depth + 1) & 63];
    }

    private static void TouchProtected(void* block)
    {
        if (PosixMemory.Protect((nint)block, OsMemory.PageSize, accessible: false))
        {
            *(byte*)block = 1;
        }
    }

    private static NativeHeap Guarded() => new(new NativeHeapOptions { Guard = { Mode = GuardMode.All }, ScavengeDelay = Timeout.InfiniteTimeSpan });
}
