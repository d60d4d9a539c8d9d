using System.Runtime.InteropServices;
using KeraLua;
using SpanHeap.Hooks;

namespace SpanHeap.Consumers;

/// <summary>Fifty states of Lua, each with a heap of 8 MiB, of which one wants more.</summary>
internal static unsafe class LuaProgram
{
    private const int States = 50;
    private const int Greedy = 25;
    private const int Limit = 8 << 20;

    private const string Work = """
        local parts = {}
        for i = 1, 5000 do parts[#parts + 1] = { i, tostring(i) } end
        local sum = 0
        for i = 1, #parts do sum = sum + #parts[i][2] end
        return sum
        """;

    private const string Fill = """
        local parts = {}
        while true do parts[#parts + 1] = "part number " .. #parts end
        """;

    private const string Sum = "local sum = 0; for i = 1, 10 do sum = sum + i end; return sum";

    public static void Run()
    {
        NativeHeap[] heaps = [.. Enumerable.Range(0, States).Select(static i => new NativeHeap(new NativeHeapOptions { Name = $"Lua {i}", MemoryLimit = Limit }))];
        HeapHooks[] hooks = [.. heaps.Select(static heap => heap.CreateHooks())];
        Lua[] states = [.. hooks.Select(Create)];
        Console.WriteLine($"{states.Where(static (_, i) => i != Greedy).Count(static state => !state.DoString(Work) && state.ToInteger(-1) == 18_893)} states finished");
        Lua greedy = states[Greedy];
        Console.WriteLine($"state {Greedy}: {(greedy.DoString(Fill) ? greedy.ToString(-1) : "no error")}");
        greedy.SetTop(0);
        greedy.GarbageCollector(LuaGC.Collect, 0);
        Console.WriteLine($"state {Greedy} goes on: {(greedy.DoString(Sum) ? "an error" : greedy.ToInteger(-1))}");
        Array.ForEach(states, static state => state.Dispose());
        Console.WriteLine($"{heaps.Sum(static heap => heap.GetStatistics().LiveBlocks)} blocks after close");
        Array.ForEach(hooks, static each => each.Dispose());
        Array.ForEach(heaps, static heap => heap.Dispose());
    }

    /// <summary>Creates a state whose memory comes from a heap.</summary>
    /// <remarks>A delegate that was made of a function pointer is that function pointer again when it goes to native code.</remarks>
    public static Lua Create(HeapHooks hooks)
    {
        Lua state = new(Marshal.GetDelegateForFunctionPointer<LuaAlloc>((nint)hooks.LuaAlloc), (nint)hooks.Opaque);
        state.OpenLibs();
        return state;
    }
}
