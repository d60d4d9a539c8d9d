using System.Runtime.CompilerServices;
using SpanHeap.Spans;

namespace SpanHeap.Guarding;

/// <summary>Writing down what happens to a block. Whoever keeps the events in a file too does so outside of the lock, while he alone has the span.</summary>
internal sealed unsafe partial class GuardHeap
{
    // Numbers events of all heaps of the process: what happened before what.
    private static ulong s_sequence;

    private void Publish(GuardedSpan* span, int stack)
    {
        ref GuardRecord record = ref span->Record;
        _lock.Enter();
        record.State = GuardState.Live;
        record.AllocThread = Environment.CurrentManagedThreadId;
        record.AllocStack = stack;
        Stamp(ref record);
        _liveBlocks++;
        _liveBytes += (long)record.ByteCount;
        _hugeBytes += span->IsHuge ? (long)record.ByteCount : 0;
        _guarded++;
        if (_sample != null)
        {
            _liveGuards.Add(span);
        }

        Link(span);
        _lock.Exit();
    }

    // Under the lock: everybody finds the span, of which all else is written.
    private void Link(GuardedSpan* span)
    {
        span->Span.State = SpanState.Guarded;
        if (span->IsHuge)
        {
            LinkHuge((HugeGuard*)span);
        }
        else
        {
            _pages += span->Span.Pages;
            GuardedSpan.Publish(span);
        }
    }

    // Under the lock: nobody finds it.
    private void Unlink(GuardedSpan* span)
    {
        if (span->IsHuge)
        {
            UnlinkHuge(span);
        }
        else
        {
            _pages -= span->Span.Pages;
            GuardedSpan.Unlink(span);
        }
    }

    // Under the lock. From here on the block is nobody's, and the caller alone has the span.
    private void NoteFree(GuardedSpan* span, GuardState state, int stack)
    {
        ref GuardRecord record = ref span->Record;
        record.FreeThread = Environment.CurrentManagedThreadId;
        record.FreeStack = stack;
        Stamp(ref record);
        Volatile.Write(ref Unsafe.As<GuardState, int>(ref record.State), (int)state);
        _liveBlocks--;
        _liveBytes -= (long)record.ByteCount;
        CountNoLonger(record.ByteCount);
        if (_sample != null)
        {
            _liveGuards.Remove(span);
            _sample.Give(CostOf(span));
        }

        _hugeBytes -= span->IsHuge ? (long)record.ByteCount : 0;
    }

    private static void Stamp(ref GuardRecord record)
    {
        record.Sequence = Interlocked.Increment(ref s_sequence);
        record.Time = (uint)Environment.TickCount64;
    }
}
