using System.Globalization;
using System.Runtime.InteropServices;
using SpanHeap.Hooks;
using SpanHeap.Tests.Support;
using Xunit.Abstractions;

namespace SpanHeap.Tests.Hooks;

/// <summary>A bad pointer that a hook is given ends the process, each in one of its own, with what the heap says.</summary>
public sealed unsafe class HookMisuseTests(ITestOutputHelper output)
{
    private const int Aborted = 134;
    private const string Announcement = "pointer ";
    private const string Survived = "the error was not caught";

    [PosixFact]
    public void Free_of_a_pointer_of_another_allocator() => AssertEnds(FreeForeign, "is not memory of any SpanHeap heap");

    [PosixFact]
    public void Realloc_of_a_pointer_of_another_allocator() => AssertEnds(ReallocForeign, "is not memory of any SpanHeap heap");

    [PosixFact]
    public void A_usable_size_of_a_pointer_of_another_allocator() => AssertEnds(UsableSizeOfForeign, "is not memory of any SpanHeap heap");

    [PosixFact]
    public void Free_of_a_block_of_another_heap() => AssertEnds(FreeOfOtherHeap, "is a block of another heap");

    [PosixFact]
    public void Free_of_a_large_block_twice() => AssertEnds(FreeLargeTwice, "the block was freed before");

    [PosixFact]
    public void Free_of_a_block_twice_with_full_checks() => AssertEnds(FreeTwiceWithFullChecks, "the block was freed before");

    [PosixFact]
    public void Free_of_a_guarded_block_twice_with_both_stacks() => AssertEnds(FreeGuardedTwice, "the block was freed before", "Allocated:", "Freed:", nameof(FreeGuardedTwice));

    [PosixFact]
    public void Free_of_a_pointer_into_a_block_by_Lua() => AssertEnds(FreeInteriorByLua, "is 8 bytes after the start of the block");

    [PosixFact]
    public void A_call_after_the_hooks_were_disposed() => AssertEnds(CallTooLate, "after its HeapHooks had been disposed");

    [PosixFact]
    public void A_call_without_the_opaque_pointer()
    {
        ChildProgram.Result child = Run(CallWithoutOpaque);

        Assert.Contains("it must be HeapHooks.Opaque", child.Error, StringComparison.Ordinal);
    }

    private void AssertEnds(Action scenario, params string[] says)
    {
        ChildProgram.Result child = Run(scenario);
        string pointer = child.Output.Split('\n').First(static line => line.StartsWith(Announcement, StringComparison.Ordinal))[Announcement.Length..].Trim();
        Assert.Contains("SpanHeap, heap 'of the library': ", child.Error, StringComparison.Ordinal);
        Assert.All(says, each => Assert.Contains(each, child.Error, StringComparison.Ordinal));
        if (scenario != CallTooLate)
        {
            Assert.Contains($"0x{pointer}", child.Error, StringComparison.Ordinal);
        }
    }

    private ChildProgram.Result Run(Action scenario)
    {
        ChildProgram.Result child = ChildProgram.Run(scenario);
        output.WriteLine(child.Output + child.Error);
        Assert.DoesNotContain(Survived, child.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled exception", child.Error, StringComparison.Ordinal);
        Assert.Equal(Aborted, child.ExitCode);
        return child;
    }

    private static void FreeForeign()
    {
        using HeapHooks hooks = Hooks();
        hooks.Free(Announce(NativeMemory.Alloc(100)));
        Console.WriteLine(Survived);
    }

    private static void ReallocForeign()
    {
        using HeapHooks hooks = Hooks();
        hooks.Realloc(Announce(NativeMemory.Alloc(100)), 200);
        Console.WriteLine(Survived);
    }

    private static void UsableSizeOfForeign()
    {
        using HeapHooks hooks = Hooks();
        hooks.UsableSize(Announce(NativeMemory.Alloc(100)));
        Console.WriteLine(Survived);
    }

    private static void FreeOfOtherHeap()
    {
        using HeapHooks hooks = Hooks();
        using NativeHeap other = new();
        hooks.Free(Announce(other.Alloc(100)));
        Console.WriteLine(Survived);
    }

    private static void FreeLargeTwice()
    {
        using HeapHooks hooks = Hooks();
        void* block = hooks.Malloc(1 << 20);
        void* behind = hooks.Malloc(1 << 20);
        hooks.Free(block);
        Heap.Trim();
        hooks.Free(Announce(block));
        Console.WriteLine($"{Survived} {(nint)behind}");
    }

    private static void FreeTwiceWithFullChecks()
    {
        using HeapHooks hooks = Hooks(checks: HeapChecks.Full);
        void* block = hooks.Malloc(100);
        hooks.Free(block);
        hooks.Free(Announce(block));
        Console.WriteLine(Survived);
    }

    private static void FreeGuardedTwice()
    {
        using HeapHooks hooks = Hooks(GuardMode.All);
        void* block = hooks.Malloc(100);
        hooks.Free(block);
        hooks.Free(Announce(block));
        Console.WriteLine(Survived);
    }

    private static void FreeInteriorByLua()
    {
        using HeapHooks hooks = Hooks(checks: HeapChecks.Full);
        byte* block = (byte*)hooks.LuaAlloc(hooks.Opaque, null, 0, 100);
        hooks.LuaAlloc(hooks.Opaque, Announce(block + 8), 92, 0);
        Console.WriteLine(Survived);
    }

    private static void CallTooLate()
    {
        HeapHooks hooks = Hooks();
        delegate* unmanaged[Cdecl]<nuint, void*> malloc = hooks.Malloc;
        Announce(malloc(100));
        hooks.Dispose();
        malloc(100);
        Console.WriteLine(Survived);
    }

    private static void CallWithoutOpaque()
    {
        using HeapHooks hooks = Hooks();
        hooks.OpaqueAlloc(null, 100);
        Console.WriteLine(Survived);
    }

    private static NativeHeap Heap { get; set; } = null!;

    private static HeapHooks Hooks(GuardMode guard = GuardMode.Off, HeapChecks checks = HeapChecks.Standard)
    {
        Heap = new NativeHeap(new NativeHeapOptions { Name = "of the library", Checks = checks, Guard = { Mode = guard } });
        return Heap.CreateHooks();
    }

    private static void* Announce(void* pointer)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Announcement}{(nint)pointer:x}"));
        Console.Out.Flush();
        return pointer;
    }
}
