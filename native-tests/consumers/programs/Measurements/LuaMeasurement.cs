using KeraLua;
using SpanHeap.Hooks;

namespace SpanHeap.Consumers.Measurements;

/// <summary>A script makes many tables and strings. Without a heap, Lua uses the C library's <c>realloc</c> and <c>free</c>.</summary>
internal sealed class LuaMeasurement() : Measurement("lua", Figure.WithRatio("", "ms", "1.2"))
{
    private const int Tables = 300_000;
    private const int FewTables = 1000;

    private const string Script = """
        local t = {}
        for i = 1, tables do t[i] = { i, tostring(i), x = i * 2 } end
        local sum = 0
        for i = 1, #t do sum = sum + t[i].x + #t[i][2] end
        local parts = {}
        for i = 1, tables do parts[#parts + 1] = "part " .. i end
        return sum + #table.concat(parts)
        """;

    public override double[] Run(NativeHeap? heap, Scale scale)
    {
        using HeapHooks? hooks = heap?.CreateHooks();
        TimeSpan cpu = Cpu.TimeOf(() => RunScript(hooks, scale.Of(FewTables)), () => RunScript(hooks, scale.Of(Tables)), scale);
        return [cpu.TotalMilliseconds];
    }

    private static void RunScript(HeapHooks? hooks, int tables)
    {
        using Lua state = hooks == null ? new Lua() : LuaProgram.Create(hooks);
        state.PushInteger(tables);
        state.SetGlobal("tables");
        if (state.DoString(Script))
        {
            throw new InvalidOperationException(state.ToString(-1));
        }
    }
}
