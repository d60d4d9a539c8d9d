using SpanHeap.Perf.Allocators;
using SpanHeap.Perf.Measurement;

namespace SpanHeap.Perf.Instructions.Counter;

/// <summary>
/// One thread allocates a batch and another frees it; then they do the same again. The two never run at the same time, and wait without spinning,
/// so that what they execute does not depend on which comes first.
/// </summary>
internal sealed unsafe class HandOverLoop(int count, uint size) : CountedLoop
{
    private readonly nuint[] _blocks = GC.AllocateUninitializedArray<nuint>(count, pinned: true);
    private readonly NativeSemaphore _filled = new();
    private readonly NativeSemaphore _emptied = new();
    private uint _difference;

    public override double PairsPerRound => count;

    public override uint Run<T>(long rounds)
    {
        Thread consumer = new(() => Consume<T>(rounds));
        consumer.Start();
        fixed (nuint* blocks = _blocks)
        {
            for (long round = 0; round < rounds; round++)
            {
                BlockBatch.Fill(T.ForThisThread(), blocks, count, size);
                _filled.Post();
                _emptied.Wait();
            }
        }

        consumer.Join();
        return _difference;
    }

    private void Consume<T>(long rounds) where T : struct, IAllocator<T>, allows ref struct
    {
        fixed (nuint* blocks = _blocks)
        {
            for (; rounds > 0; rounds--)
            {
                _filled.Wait();
                _difference |= BatchLoop.Free(T.ForThisThread(), blocks, count);
                _emptied.Post();
            }
        }
    }
}
