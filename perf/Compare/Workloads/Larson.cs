using System.Runtime.CompilerServices;
using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Compare.Workloads;

/// <summary>
/// Larson and Krishnan's server: each thread replaces random blocks of its slots, then hands the slots to a successor that it
/// starts, and dies. Most blocks are freed by another thread than the one that allocated them, which is dead by then.
/// </summary>
internal sealed unsafe class Larson(int threads) : CheckedWorkload(threads, threadsStay: false)
{
    private const int SlotsPerThread = 5000;
    private const int RoundsPerLife = 100;
    private const int LivesPerPass = 2;
    private const int WarmUpRounds = 4;
    private const uint MinSize = 8;
    private const uint MaxSize = 1000;
    private const ulong Seed = 4141;

    private readonly nuint[] _slots = GC.AllocateArray<nuint>(SlotsPerThread * threads, pinned: true);
    private readonly CountdownEvent _lastOnes = new(threads);
    private ulong _passes;

    public override long Operations => (long)SlotsPerThread * RoundsPerLife * LivesPerPass * Threads;

    public override void Fill<T>()
    {
        T allocator = T.ForThisThread();
        var random = new SplitMix(Seed);
        foreach (ref nuint slot in _slots.AsSpan())
        {
            slot = (nuint)allocator.Alloc(Size(ref random));
        }

        for (int i = _slots.Length - 1; i > 0; i--)
        {
            int other = (int)random.Below((uint)i + 1);
            (_slots[i], _slots[other]) = (_slots[other], _slots[i]);
        }

        for (int i = 0; i < _slots.Length; i++)
        {
            Write((byte*)_slots[i], i);
        }

        for (int round = 0; round < WarmUpRounds; round++)
        {
            AddWrong(ReplaceRound(allocator, _slots, 0, ref random));
        }
    }

    public override void Run<T>()
    {
        _lastOnes.Reset(Threads);
        _passes++;
        for (int i = 0; i < Threads; i++)
        {
            Begin<T>(i, life: 1);
        }

        _lastOnes.Wait();
    }

    public override void Drain<T>()
    {
        T allocator = T.ForThisThread();
        foreach (ref nuint slot in _slots.AsSpan())
        {
            allocator.Free((void*)slot);
            slot = 0;
        }
    }

    private void Begin<T>(int index, int life) where T : struct, IAllocator<T>, allows ref struct =>
        new Thread(() => Live<T>(index, life)) { IsBackground = true }.Start();

    private void Live<T>(int index, int life) where T : struct, IAllocator<T>, allows ref struct
    {
        int first = index * SlotsPerThread;
        Span<nuint> slots = _slots.AsSpan(first, SlotsPerThread);
        var random = new SplitMix(Seed + (((_passes * LivesPerPass) + (ulong)life) * (ulong)Threads) + (ulong)index);
        long wrong = 0;
        for (int round = 0; round < RoundsPerLife; round++)
        {
            wrong += ReplaceRound(T.ForThisThread(), slots, first, ref random);
        }

        AddWrong(wrong);
        if (life < LivesPerPass)
        {
            Begin<T>(index, life + 1);
        }
        else
        {
            _lastOnes.Signal();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long ReplaceRound<T>(T allocator, Span<nuint> slots, int first, ref SplitMix state)
        where T : struct, IAllocator<T>, allows ref struct
    {
        // A copy, so that it can lie in a register.
        SplitMix random = state;
        long wrong = 0;
        for (int i = 0; i < slots.Length; i++)
        {
            int index = (int)random.Below((uint)slots.Length);
            ref nuint slot = ref slots[index];
            wrong += Wrong((byte*)slot, first + index);
            allocator.Free((void*)slot);
            byte* block = (byte*)allocator.Alloc(Size(ref random));
            Write(block, first + index);
            slot = (nuint)block;
        }

        state = random;
        return wrong;
    }

    private static uint Size(ref SplitMix random) => MinSize + random.Below(MaxSize - MinSize);

    // The two bytes that the original writes hold the number of the slot.
    private static void Write(byte* block, int slot)
    {
        block[0] = (byte)slot;
        block[1] = (byte)(slot >> 8);
    }

    private static int Wrong(byte* block, int slot) => block[0] == (byte)slot && block[1] == (byte)(slot >> 8) ? 0 : 1;
}
