using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Compare.AccessPatterns;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>
/// Allocate a block of many MiB, write a byte of each page, free it, again and again. An allocator that keeps the block gives the same pages
/// again; one that does not has the system clear and map them each time, which costs a hundred times as much and more.
/// </summary>
/// <remarks>An operation is a MiB of a block, so that blocks of different sizes can be compared.</remarks>
internal sealed unsafe class HugePair(uint mebibytes) : Workload(threads: 1)
{
    private const int PagesOfPass = 64 << 8;
    private const int PagesOfMebibyte = 1 << 8;

    /// <summary>How many MiB are worth a look three seconds later.</summary>
    private const uint LeastToKeep = 64;

    private readonly uint _size = mebibytes << 20;
    private readonly int _pairs = Math.Max(1, PagesOfPass / (int)(mebibytes * PagesOfMebibyte));
    private uint _tag;

    public override long Operations => _pairs * (long)mebibytes;

    public override Needs Needs => Needs.Huge;

    public override bool ShowsIdle => mebibytes >= LeastToKeep;

    public override void Run<T>()
    {
        for (int i = 0; i < _pairs; i++)
        {
            Once(T.ForThisThread(), _size, ++_tag);
        }
    }

    /// <summary>Each block is looked at before it is freed.</summary>
    public override void Verify() { }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Once<T>(T allocator, uint size, uint tag) where T : struct, IAllocator<T>, allows ref struct
    {
        byte* block = (byte*)allocator.Alloc(size);
        EveryPage.Write(block, size, tag);
        if (!EveryPage.Holds(block, size, tag))
        {
            WrongContentsException.ThrowOverwritten((nuint)block, size);
        }

        allocator.Free(block);
    }
}
