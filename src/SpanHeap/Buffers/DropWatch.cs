using System.Diagnostics.CodeAnalysis;
using SpanHeap.Guard;
using SpanHeap.Guard.Records;
using SpanHeap.Heap;
using SpanHeap.Os;

namespace SpanHeap.Buffers;

/// <summary>Becomes unreachable together with an owner, and is then finalized unless the owner has been disposed.</summary>
internal sealed unsafe class DropWatch
{
    // Further ones are only counted, because the first ones say what is wrong.
    private const int MostReported = 20;

    private NativeHeap? _heap;
    private nuint _byteCount;
    private WhenDropped _whenDropped;

    // 0 before the watch begins and after it has ended. Taken by exchange, by the owner that is disposed or by a finalizer that frees.
    private nint _block;

    ~DropWatch()
    {
        GarbageRelief.NoteFinalizerThread();
        nint block = _whenDropped == WhenDropped.Free ? Interlocked.Exchange(ref _block, 0) : Volatile.Read(ref _block);
        if (block == 0 || !_heap!.Core.Quiescence.TryEnter())
        {
            return;
        }

        string? report;
        try
        {
            report = NoteDropped(_heap.Core, block);
            if (_whenDropped == WhenDropped.Free)
            {
                Free(_heap, block);
            }
        }
        finally
        {
            _heap.Core.Quiescence.Leave();
        }

        // Where the program's own writer may wait for a thread that disposes the heap.
        if (report != null)
        {
            ErrorStream.WriteLine(report);
        }
    }

    /// <summary>Begins to watch for the end of an owner.</summary>
    public void Begin(NativeHeap heap, nint block, nuint byteCount, WhenDropped whenDropped)
    {
        _heap = heap;
        _byteCount = byteCount;
        _whenDropped = whenDropped;
        Volatile.Write(ref _block, block);
    }

    /// <summary>Watches over another block from now on, because the owner's block has moved. The owner keeps the watch alive meanwhile.</summary>
    public void Move(nint block, nuint byteCount)
    {
        _byteCount = byteCount;
        Volatile.Write(ref _block, block);
    }

    /// <summary>Ends the watch, for an owner that is disposed.</summary>
    /// <returns>False if the finalizer has freed the block.</returns>
    [SuppressMessage("Usage", "CA1816:Dispose methods should call SuppressFinalize", Justification = "Called by the owner's Dispose; the finalizer would find nothing to do.")]
    public bool TryEnd()
    {
        GC.SuppressFinalize(this);
        return Interlocked.Exchange(ref _block, 0) != 0;
    }

    // The heap may be marked as disposed at any time, but its memory stays until this thread has left it. An exception here would end the process.
    private static void Free(NativeHeap heap, nint block)
    {
        heap.Core.Owners.Remove();
        try
        {
            heap.Free((void*)block);
        }
        catch (ObjectDisposedException)
        {
            // The block goes with the heap.
        }
        catch (HeapCorruptionException damage)
        {
            // The program has written past the end of the block: this is misuse that is found late.
            heap.Core.Misuse.Record(damage.Address, damage.Kind ?? MisuseKind.Overflow);
            heap.Core.NoteActivity();
        }
    }

    // Returns what is to be reported; null for nothing.
    private string? NoteDropped(HeapCore core, nint block)
    {
        long dropped = core.Owners.NoteDropped();
        if (core.Guard is not { GuardsAll: true } guard || !core.Options.Guard.ReportLeaks || dropped > MostReported)
        {
            return null;
        }

        string? stack = guard.TryFind(block, out GuardRecord record) ? StackDepot.Describe(record.AllocStack) : null;
        return $"SpanHeap: an owner of {_byteCount} bytes in the heap '{core.Name}' was dropped without having been disposed. It was rented:\n"
            + (stack ?? "   (no stack was kept)").TrimEnd();
    }
}
