using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>
/// Zeroed blocks of 5 to 25 MiB come and go in 20 places at random; a byte of each page is written. After mimalloc-bench's malloc-large,
/// whose blocks are zeroed whole: what an allocator need not zero is its gain.
/// </summary>
internal sealed unsafe class ZeroedHuge() : Workload(threads: 1), IArrayWorkload
{
    private const int Places = 20;
    private const int Steps = 40;
    private const int Min = 5 << 20;
    private const int Max = 25 << 20;
    private const uint Page = 4096;

    private readonly (int Place, int Size)[] _plan = new (int, int)[Steps];
    private readonly nuint[] _blocks = new nuint[Places];
    private readonly byte[]?[] _arrays = new byte[Places][];

    public override long Operations => Steps;

    public override Needs Needs => Needs.Zeroed | Needs.Huge;

    public override bool ShowsIdle => true;

    public override void Prepare()
    {
        var random = new Random(42);
        for (int i = 0; i < Steps; i++)
        {
            _plan[i] = (random.Next(Places), random.Next(Min, Max + 1));
        }
    }

    /// <summary>All is freed at the end: workers that wait for their turn must not hold 300 MiB each.</summary>
    public override void Run<T>()
    {
        T allocator = T.ForThisThread();
        foreach ((int place, int size) in _plan)
        {
            Replace(allocator, ref _blocks[place], (nuint)size);
        }

        foreach (ref nuint block in _blocks.AsSpan())
        {
            allocator.Free((void*)block);
            block = 0;
        }
    }

    public void RunArrays<T>() where T : struct, IArraySource
    {
        foreach ((int place, int size) in _plan)
        {
            Replace<T>(ref _arrays[place], size);
        }

        foreach (ref byte[]? array in _arrays.AsSpan())
        {
            if (array is not null)
            {
                T.Return(array);
            }

            array = null;
        }
    }

    /// <summary>Each page is looked at when it is handed out.</summary>
    public override void Verify() { }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Replace<T>(T allocator, ref nuint place, nuint size) where T : struct, IAllocator<T>, allows ref struct
    {
        allocator.Free((void*)place);
        byte* block = (byte*)allocator.AllocZeroed(size);
        CheckAndDirty(block, size);
        place = (nuint)block;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Replace<T>(ref byte[]? place, int size) where T : struct, IArraySource
    {
        if (place is not null)
        {
            T.Return(place);
        }

        place = null;
        byte[] array = T.RentZeroed(size);
        fixed (byte* block = array)
        {
            CheckAndDirty(block, (nuint)size);
        }

        place = array;
    }

    private static void CheckAndDirty(byte* block, nuint size)
    {
        for (nuint at = 0; at < size; at += Page)
        {
            if (block[at] != 0)
            {
                WrongContentsException.ThrowNotZero((nuint)block, size);
            }

            block[at] = 1;
        }
    }
}
