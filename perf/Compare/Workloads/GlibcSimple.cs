using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Compare.AccessPatterns;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>
/// After glibc's bench-malloc-simple as it is described: for sizes of 16, 32 and 64 bytes and for 25 to 1600 blocks, allocate them and write
/// every byte, then free the first half in order and the second half in reverse.
/// </summary>
internal sealed unsafe class GlibcSimple() : Workload(threads: 1)
{
    private const int BlocksPerSetting = 48_000;

    private static readonly uint[] s_sizes = [16, 32, 64];
    private static readonly int[] s_counts = [25, 100, 400, 1600];

    private readonly nuint[] _blocks = GC.AllocateUninitializedArray<nuint>(s_counts[^1], pinned: true);

    public override long Operations => (long)s_sizes.Length * s_counts.Length * BlocksPerSetting;

    public override void Run<T>()
    {
        fixed (nuint* blocks = _blocks)
        {
            foreach (uint size in s_sizes)
            {
                foreach (int count in s_counts)
                {
                    for (int round = 0; round < BlocksPerSetting / count; round++)
                    {
                        Round(T.ForThisThread(), blocks, count, size);
                    }
                }
            }
        }
    }

    /// <summary>Each block is looked at when it is freed.</summary>
    public override void Verify() { }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Round<T>(T allocator, nuint* blocks, int count, uint size) where T : struct, IAllocator<T>, allows ref struct
    {
        for (int i = 0; i < count; i++)
        {
            byte* block = (byte*)allocator.Alloc(size);
            EveryByte.Write(block, size, (uint)i);
            blocks[i] = (nuint)block;
        }

        int half = count / 2;
        for (int i = 0; i < half; i++)
        {
            Free(allocator, blocks[i], size, i);
        }

        for (int i = count - 1; i >= half; i--)
        {
            Free(allocator, blocks[i], size, i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Free<T>(T allocator, nuint block, uint size, int i) where T : struct, IAllocator<T>, allows ref struct
    {
        if (!EveryByte.Holds((byte*)block, size, (uint)i))
        {
            WrongContentsException.ThrowOverwritten(block, size);
        }

        allocator.Free((void*)block);
    }
}
