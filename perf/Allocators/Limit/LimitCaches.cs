using System.Runtime.InteropServices;
using SpanHeap.Caches;

namespace SpanHeap.Perf.Allocators.Limit;

/// <summary>A thread's stacks. Those of a dead thread serve the next new one, with the blocks in them.</summary>
internal static unsafe class LimitCaches
{
    /// <summary>How many blocks of a class a thread keeps: more than the batches of any workload.</summary>
    public const int StackCapacity = 4096;

    private const nuint CacheLine = 64;

    private static readonly Lock s_lock = new();
    private static readonly List<(Thread Owner, nint Stacks)> s_caches = [];

    [ThreadStatic]
    private static ClassStack* t_stacks;

    public static ClassStack* OfThisThread() => t_stacks != null ? t_stacks : t_stacks = Attach();

    private static ClassStack* Attach()
    {
        lock (s_lock)
        {
            int dead = s_caches.FindIndex(cache => !cache.Owner.IsAlive);
            nint stacks = dead >= 0 ? s_caches[dead].Stacks : (nint)Make();
            if (dead >= 0)
            {
                s_caches.RemoveAt(dead);
            }

            s_caches.Add((Thread.CurrentThread, stacks));
            return (ClassStack*)stacks;
        }
    }

    private static ClassStack* Make()
    {
        // Lies untouched until a class is used.
        nint* addresses = (nint*)NativeMemory.AlignedAlloc((nuint)(LimitSizes.Count * StackCapacity * sizeof(nint)), CacheLine);
        var stacks = (ClassStack*)NativeMemory.AlignedAlloc((nuint)(LimitSizes.Count * sizeof(ClassStack)), CacheLine);
        for (int i = 0; i < LimitSizes.Count; i++)
        {
            stacks[i].Base = stacks[i].Top = addresses + (i * StackCapacity);
            stacks[i].Limit = stacks[i].Base + StackCapacity;
        }

        return stacks;
    }
}
