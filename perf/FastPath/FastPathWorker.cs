using System.Runtime.CompilerServices;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.FastPath;

/// <summary>Child process: makes the JIT compile an Alloc, one of a size that is a constant, and a Free at tier 1, each in a method of its own.</summary>
internal static unsafe class FastPathWorker
{
    public const string Verb = "fastpath";

    private const int Bursts = 30;
    private const int PairsPerBurst = 10_000;

    public static string AllocName => $"{typeof(FastPathWorker).FullName}:{nameof(Alloc)}";

    public static string ConstantAllocName => $"{typeof(FastPathWorker).FullName}:{nameof(ConstantAlloc)}";

    public static string FreeName => $"{typeof(FastPathWorker).FullName}:{nameof(Free)}";

    /// <summary>All of them, as the JIT wants to be told.</summary>
    public static string MethodNames => $"{AllocName} {ConstantAllocName} {FreeName}";

    public static int Run()
    {
        for (int burst = 0; burst < Bursts; burst++)
        {
            for (int pair = 0; pair < PairsPerBurst; pair++)
            {
                Free(Alloc(32));
                Free(ConstantAlloc());
            }
            // The runtime compiles at the next tier when it was left alone for 100 ms.
            Thread.Sleep(110);
        }

        WorkerProtocol.Send(true);
        return 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void* Alloc(nuint size) => SpanMemory.Alloc(size);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void* ConstantAlloc() => SpanMemory.Alloc<long>(4);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Free(void* block) => SpanMemory.Free(block);
}
