using SpanHeap.Os;
using SpanHeap.Tests.Stress;
using SpanHeap.Tests.Support;

namespace SpanHeap.Tests.Os;

/// <summary>
/// A run of a heap's operations of all kinds in a fixed order, any of which may be refused: each gives a good block or throws
/// <see cref="OutOfMemoryException"/> and leaves all blocks as they were.
/// </summary>
/// <param name="heap">The heap; its calls to the system fail at the test's will.</param>
/// <param name="afterEach">Called between two operations.</param>
internal sealed unsafe class InjectionScript(NativeHeap heap, Action afterEach)
{
    private const int ArenaBytes = 64 * 1024 * 1024;

    private const int MostCopied = 4 * 1024 * 1024;

    private readonly List<ModelBlock> _blocks = [];
    private ulong _lastId;

    /// <summary>Operations that were refused.</summary>
    public int Refused { get; private set; }

    /// <summary>Huge blocks that the platform resized: one call, and no block more.</summary>
    public int PlatformResizes { get; private set; }

    public int Live => _blocks.Count;

    public void Run()
    {
        for (int size = 1; size <= 40_000; size = (size * 3 / 2) + 5)
        {
            Allocate(() => (nint)heap.Alloc((nuint)size), size, 8);
            Allocate(() => (nint)heap.AllocZeroed((nuint)size), size, 8);
        }

        // More than a magazine of one class, and more than the pool has magazines at first.
        for (int i = 0; i < 300; i++)
        {
            Allocate(() => (nint)heap.Alloc(40), 40, 8);
        }

        Allocate(() => (nint)heap.AlignedAlloc(100, 4096), 100, 4096);
        Allocate(() => (nint)heap.AlignedAlloc(10_000, 1 << 20), 10_000, 1 << 20);
        Allocate(() => (nint)heap.AllocZeroed(3_000_000), 3_000_000, 16);
        Allocate(() => (nint)heap.Alloc(ArenaBytes * 3 / 4), ArenaBytes * 3 / 4, 16);
        Allocate(() => (nint)heap.Alloc(ArenaBytes * 3 / 4), ArenaBytes * 3 / 4, 16);
        Allocate(() => (nint)heap.Alloc(ArenaBytes + 5), ArenaBytes + 5, 16);
        Allocate(() => (nint)heap.AlignedAlloc(1000, 2 * ArenaBytes), 1000, 2 * ArenaBytes);
        StressThreads.RunOne(UseAnotherThread);
        for (int i = 0; i < _blocks.Count; i += 3)
        {
            // What is copied costs its pages: the largest shrink instead.
            int size = (int)_blocks[i].Size;
            Resize(i, size <= MostCopied ? size * 2 : size / 2);
        }

        int leaves = _blocks.FindIndex(static block => block.Size is > MostCopied / 2 and <= 2 * MostCopied);
        if (leaves >= 0)
        {
            Resize(leaves, ArenaBytes + 4096);
        }

        int largest = _blocks.FindIndex(static block => block.Size > ArenaBytes);
        if (largest >= 0)
        {
            Resize(largest, ArenaBytes * 3 / 2);
        }

        FreeEvery(2);
        heap.Trim();
        afterEach();
        for (int size = 1000; size < 3_000_000; size *= 2)
        {
            Allocate(() => (nint)heap.Alloc((nuint)size), size, 16);
        }
    }

    /// <summary>Frees all, or all but some; must succeed whatever the system does.</summary>
    public void FreeEvery(int nth)
    {
        for (int i = _blocks.Count - 1; i >= 0; i -= nth)
        {
            RequireIntact(_blocks[i]);
            heap.Free((void*)_blocks[i].Address);
            _blocks.RemoveAt(i);
            afterEach();
        }
    }

    // A thread without a cache frees what another owns, allocates, and leaves blocks behind.
    private void UseAnotherThread()
    {
        FreeEvery(5);
        for (int i = 0; i < 200; i++)
        {
            Allocate(() => (nint)heap.Alloc(200), 200, 16);
        }
    }

    private void Allocate(Func<nint> allocate, int size, nint alignment)
    {
        try
        {
            nint address = allocate();
            Assert.True(address != 0 && address % alignment == 0, $"0x{address:x} was given for {size} bytes aligned to {alignment}");
            ModelBlock block = new(address, (nuint)size, ++_lastId);
            block.Fill();
            _blocks.Add(block);
        }
        catch (OutOfMemoryException)
        {
            Refused++;
        }

        afterEach();
    }

    private void Resize(int index, int size)
    {
        ModelBlock old = _blocks[index];
        OsMemory os = heap.Core.Os;
        long released = os.Calls(OsCall.ReleaseArena);
        long asked = os.Calls(OsCall.AllocateHuge);
        try
        {
            nint address = (nint)heap.Realloc((void*)old.Address, (nuint)size);
            Assert.True(address != 0);
            Assert.Equal(-1, (old with { Address = address }).FindDamage(old.Size));
            ModelBlock block = new(address, (nuint)size, ++_lastId);
            block.Fill();
            _blocks[index] = block;
            PlatformResizes += os.Calls(OsCall.AllocateHuge) > asked && os.Calls(OsCall.ReleaseArena) == released && old.Size > ArenaBytes ? 1 : 0;
        }
        catch (OutOfMemoryException)
        {
            RequireIntact(old);
            Refused++;
        }

        afterEach();
    }

    private static void RequireIntact(in ModelBlock block) =>
        Assert.True(block.FindDamage(block.Size) < 0, $"a block of {block.Size} bytes at 0x{block.Address:x} has changed");
}
