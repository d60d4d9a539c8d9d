using System.Runtime.InteropServices;

namespace SpanHeap.Tests.Ahead;

/// <summary>Blocks that are freed by hand.</summary>
internal static unsafe class ManualChecks
{
    private const int MiB = 1 << 20;

    public static void Blocks_of_all_sizes_hold_what_is_written()
    {
        List<(nint Block, nuint Size)> blocks = [];
        for (nuint size = 1; size <= 100 * MiB; size = (size * 7 / 4) + 1)
        {
            blocks.Add(((nint)SpanMemory.Alloc(size), size));
            *(byte*)blocks[^1].Block = (byte)blocks.Count;
            ((byte*)blocks[^1].Block)[size - 1] = (byte)blocks.Count;
        }

        for (int i = 0; i < blocks.Count; i++)
        {
            (nint block, nuint size) = blocks[i];
            Expect.That(((byte*)block)[size - 1] == (byte)(i + 1), $"a block of {size} bytes holds what was written");
            SpanMemory.Free((void*)block);
        }

        NativeHeap.Shared.Verify();
    }

    public static void Zeroed_blocks_are_zero_when_they_serve_again()
    {
        foreach (int size in (int[])[24, 3000, 100_000, 3 * MiB])
        {
            for (int round = 0; round < 20; round++)
            {
                Span<byte> block = new(SpanMemory.AllocZeroed((nuint)size), size);
                Expect.That(!block.ContainsAnyExcept((byte)0), $"a zeroed block of {size} bytes is zero");
                block.Fill(0x5A);
                fixed (byte* start = block)
                {
                    SpanMemory.Free(start);
                }
            }
        }
    }

    public static void Aligned_blocks_are_aligned()
    {
        for (nuint alignment = 1; alignment <= 128 * 1024; alignment *= 2)
        {
            void* block = SpanMemory.AlignedAlloc(1000, alignment);
            Expect.That((nuint)block % alignment == 0, $"a block is aligned to {alignment}");
            SpanMemory.AlignedFree(block);
        }
    }

    public static void Resized_blocks_keep_their_contents()
    {
        long* block = (long*)SpanMemory.Alloc(sizeof(long));
        *block = 42;
        for (nuint size = 16; size <= 80 * MiB; size *= 3)
        {
            block = (long*)SpanMemory.Realloc(block, size);
            Expect.That(*block == 42, $"a block that grew to {size} bytes holds what was written");
        }

        block = (long*)SpanMemory.Realloc(block, 100);
        Expect.That(*block == 42, "a block that shrank holds what was written");
        SpanMemory.Free(block);
    }

    public static void Blocks_are_freed_by_other_threads()
    {
        using NativeHeap heap = new();
        for (int round = 0; round < 10; round++)
        {
            nint[] blocks = new nint[3000];
            OnThread(() =>
            {
                for (int i = 0; i < blocks.Length; i++)
                {
                    blocks[i] = (nint)heap.Alloc((nuint)(i % 500) + 1);
                }
            });
            OnThread(() => Array.ForEach(blocks, block => heap.Free((void*)block)));
        }

        heap.Trim();
        heap.Verify();
        Expect.That(heap.GetStatistics().LiveBlocks == 0, "all blocks are free");
    }

    public static void Threads_that_end_leave_their_caches()
    {
        using NativeHeap heap = new();
        for (int i = 0; i < 200; i++)
        {
            OnThread(() => heap.Free(heap.Alloc(100)));
        }

        Expect.That(heap.GetStatistics().ThreadCaches < 50, "caches of threads that ended are used again");
    }

    // With stacks this small, sixteen threads look for their records in the same place, and all but one find another thread's there.
    public static void Threads_with_small_stacks_keep_their_caches_apart()
    {
        const int Threads = 40;
        const int Blocks = 1000;
        using Barrier barrier = new(Threads);
        int wrong = 0;
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(number => new Thread(
            () =>
            {
                nint[] blocks = new nint[Blocks];
                for (int round = 0; round < 20; round++)
                {
                    for (int i = 0; i < Blocks; i++)
                    {
                        blocks[i] = (nint)SpanMemory.Alloc(64);
                        *(int*)blocks[i] = number;
                    }

                    barrier.SignalAndWait();
                    for (int i = 0; i < Blocks; i++)
                    {
                        Interlocked.Add(ref wrong, *(int*)blocks[i] == number ? 0 : 1);
                        SpanMemory.Free((void*)blocks[i]);
                    }
                }
            },
            64 * 1024))];
        Array.ForEach(threads, static thread => thread.Start());
        Array.ForEach(threads, static thread => thread.Join());
        Expect.That(wrong == 0, "no two threads have the same block");
        NativeHeap.Shared.Verify();
    }

    public static void Memory_goes_back()
    {
        using NativeHeap heap = new(new NativeHeapOptions { ScavengeDelay = TimeSpan.FromMilliseconds(20) });
        byte* block = (byte*)heap.Alloc(20 * MiB);
        new Span<byte>(block, 20 * MiB).Fill(1);
        heap.Free(block);
        heap.Trim();
        Expect.That(SpinWait.SpinUntil(() => heap.GetStatistics().PagesFree == 0, TimeSpan.FromSeconds(20)), "free pages go back to the system");
        heap.Verify();
    }

    public static void A_limit_refuses_and_serves_again()
    {
        using NativeHeap heap = new(new NativeHeapOptions { MemoryLimit = 8 * MiB });
        Stack<nint> blocks = [];
        Expect.Throws<OutOfMemoryException>(() =>
        {
            while (true)
            {
                blocks.Push((nint)heap.Alloc(50_000));
            }
        });
        Expect.That(blocks.Count is > 100 and < 8 * MiB / 50_000, "a limit is reached and kept");
        heap.Verify();
        while (blocks.TryPop(out nint block))
        {
            heap.Free((void*)block);
        }

        heap.Free(heap.Alloc(4 * MiB));
        heap.Verify();
    }

    public static void Foreign_pointers_are_refused()
    {
        using NativeHeap heap = new();
        void* foreign = NativeMemory.Alloc(100);
        nint onStack = 0;
        nint stack = (nint)(&onStack);
        Expect.Throws<HeapCorruptionException>(() => heap.Free(foreign));
        Expect.Throws<HeapCorruptionException>(() => heap.Free((void*)stack));
        NativeMemory.Free(foreign);
    }

    public static void Full_checks_find_a_double_free()
    {
        using NativeHeap heap = new(new NativeHeapOptions { Checks = HeapChecks.Full });
        void* block = heap.Alloc(100);
        heap.Free(block);
        HeapCorruptionException error = Expect.Throws<HeapCorruptionException>(() => heap.Free(block));
        Expect.That(error.Kind == MisuseKind.DoubleFree, "a double free is called that");
        heap.Verify();
    }

    public static void Any_address_is_looked_up()
    {
        using NativeHeap heap = new();
        byte* block = (byte*)heap.Alloc(1000);
        Expect.That(heap.TryFindBlock(block + 999, out BlockInfo found) && found.Address == (nint)block, "an address inside a block finds it");
        Expect.That(!heap.Contains((void*)nint.MaxValue) && !heap.Contains(null), "addresses of nothing find nothing");
        heap.Free(block);
    }

    private static void OnThread(Action work)
    {
        Thread thread = new(() => work());
        thread.Start();
        thread.Join();
    }
}
