using SpanHeap.Hooks;

namespace SpanHeap.Consumers.Measurements;

/// <summary>A loop of C allocates a block of 64 bytes, writes into it and frees it. The C library's own functions are what a heap is compared with.</summary>
internal sealed unsafe class PairMeasurement() : Measurement("c-pair", new Figure("", "ns", "heap at most 20 ns"))
{
    private const int Pairs = 20_000_000;
    private const int FewPairs = 20_000;

    public override string? Missing => PairLibrary.Compiler == null ? "not measured: there is no gcc" : null;

    public override double[] Run(NativeHeap? heap, Scale scale)
    {
        using HeapHooks? hooks = heap?.CreateHooks();
        using PairLibrary library = new();
        nint malloc = hooks == null ? PairLibrary.CFunction("malloc") : (nint)hooks.Malloc;
        nint free = hooks == null ? PairLibrary.CFunction("free") : (nint)hooks.Free;
        int whole = scale.Of(Pairs);
        TimeSpan cpu = Cpu.TimeOf(() => library.Run(malloc, free, scale.Of(FewPairs)), () => library.Run(malloc, free, whole), scale);
        return [cpu.TotalNanoseconds / whole];
    }
}
