using SpanHeap.Guard.Records;
using SpanHeap.Os;

namespace SpanHeap.Guard.Quarantine;

/// <summary>Moves freed guarded blocks on as the library does, each method with one step done wrongly.</summary>
internal sealed unsafe partial class GuardQuarantine
{
    /// <summary>Frees a block so that it is in quarantine before its pages fault: another thread may retire it first.</summary>
    internal void MutantFreeQueuedFirst(nint address)
    {
        records.Lock.Enter();
        GuardedSpan* span = records.Find(address);
        records.NoteFree(span, GuardState.Freed, stack: 0);
        QueueOf(span).Add(span);
        records.Lock.Exit();
        InterleavingPoints.At(InterleavingPoint.GuardedBlockFreed);
        protection.TryProtectData(span);
    }

    /// <summary>Retires the block that has been in quarantine longest: the page heap has its pages before its record and entries are gone.</summary>
    internal void MutantRetireUnlinkedLast()
    {
        records.Lock.Enter();
        GuardedSpan* span = _queue.Take();
        records.Lock.Exit();
        if (span == null || !protection.TryUnprotect(span))
        {
            return;
        }

        source.Release(span);
        InterleavingPoints.At(InterleavingPoint.GuardUnprotected);
        records.Lock.Enter();
        records.Unlink(span);
        _retired++;
        records.Lock.Exit();
    }
}
